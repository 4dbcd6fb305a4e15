#include "chat_template.hpp"

#include <algorithm>
#include <ctime>
#include <deque>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "template_syntax.hpp"
#include "template_values.hpp"

namespace headrace::llama {
namespace {

namespace json = boost::json;
using syntax::Expr;
using syntax::Node;
using namespace values;

constexpr std::size_t kMostValues = 500'000;         // made while rendering
constexpr std::size_t kMostText = 64 * 1024 * 1024;  // bytes of prompt

class Renderer {
  public:
    explicit Renderer(json::object globals) {
        scopes_.emplace_back();
        for (auto& [name, value] : globals) scopes_[0][name] = keep(std::move(value));
    }

    void render(const std::vector<Node>& nodes) {
        for (const auto& node : nodes) {
            switch (node.kind) {
                case Node::Kind::text:
                    out_ += node.text;
                    break;
                case Node::Kind::print:
                    out_ += shown(*eval(*node.conditions[0]));
                    break;
                case Node::Kind::set:
                    assign(node);
                    break;
                case Node::Kind::branch:
                    branch(node);
                    break;
                case Node::Kind::loop:
                    loop(node);
                    break;
            }
            if (out_.size() > kMostText) throw Fault{"it makes too long a prompt"};
        }
    }
    std::string take() { return std::move(out_); }

  private:
    using Value = json::value*;  // lives as long as the renderer

    Value keep(json::value value) {
        if (kept_.size() >= kMostValues) throw Fault{"it computes too much"};
        return &kept_.emplace_back(std::move(value));
    }

    Value find(const std::string& name) {
        for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
            if (const auto found = scope->find(name); found != scope->end()) return found->second;
        }
        return nullptr;
    }

    void assign(const Node& node) {
        const Value value = eval(*node.conditions[0]);
        const auto dot = node.text.find('.');
        if (dot == std::string::npos) {
            scopes_.back()[node.text] = value;
            return;
        }
        const Value space = find(node.text.substr(0, dot));
        if (space == nullptr || !space->is_object()) throw Fault{node.text + " is no namespace"};
        space->get_object()[node.text.substr(dot + 1)] = *value;
    }

    void branch(const Node& node) {
        std::size_t arm = 0;
        while (arm < node.conditions.size() && !truth(*eval(*node.conditions[arm]))) ++arm;
        if (arm < node.bodies.size()) render(node.bodies[arm]);
    }

    void loop(const Node& node) {
        std::vector<Value> items;
        const Value source = eval(*node.conditions[0]);
        if (source->is_array()) {
            for (auto& item : source->get_array()) items.push_back(&item);
        } else if (source->is_object()) {
            for (const auto& member : source->get_object()) items.push_back(keep(member.key()));
        } else if (!source->is_null()) {
            throw Fault{"a loop goes over what is no list"};
        }
        if (node.conditions.size() > 1) {
            std::erase_if(items, [&](Value item) {
                scopes_.emplace_back();
                bind(node, item);
                const bool wanted = truth(*eval(*node.conditions[1]));
                scopes_.pop_back();
                return !wanted;
            });
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            scopes_.emplace_back();
            bind(node, items[i]);
            const auto at = static_cast<std::int64_t>(i);
            const auto length = static_cast<std::int64_t>(items.size());
            scopes_.back()["loop"] = keep(json::object{{"index0", at},
                                                       {"index", at + 1},
                                                       {"first", at == 0},
                                                       {"last", at + 1 == length},
                                                       {"length", length}});
            render(node.bodies[0]);
            scopes_.pop_back();
        }
        if (items.empty() && node.bodies.size() > 1) render(node.bodies[1]);
    }

    void bind(const Node& node, Value item) {
        if (node.names.size() == 1) {
            scopes_.back()[node.names[0]] = item;
            return;
        }
        auto* parts = item->if_array();
        if (parts == nullptr || parts->size() != node.names.size())
            throw Fault{"a loop's element cannot be split over its variables"};
        for (std::size_t i = 0; i < parts->size(); ++i)
            scopes_.back()[node.names[i]] = &(*parts)[i];
    }

    // --- expressions -----------------------------------------------------------------------------
    Value eval(const Expr& expr) {
        switch (expr.kind) {
            case Expr::Kind::literal:
                return keep(expr.value);
            case Expr::Kind::name: {
                const Value found = find(expr.text);
                return found != nullptr ? found : keep(nullptr);
            }
            case Expr::Kind::list: {
                json::array made;
                for (const auto& part : expr.parts) made.push_back(*eval(*part));
                return keep(std::move(made));
            }
            case Expr::Kind::member:
                return member(eval(*expr.parts[0]), expr.text);
            case Expr::Kind::index:
                return element(eval(*expr.parts[0]), *eval(*expr.parts[1]));
            case Expr::Kind::slice:
                return slice(*eval(*expr.parts[0]), *eval(*expr.parts[1]), *eval(*expr.parts[2]));
            case Expr::Kind::call:
                return call(expr);
            case Expr::Kind::filter:
                return filter(expr);
            case Expr::Kind::test:
                return keep(test(expr));
            case Expr::Kind::negation:
                return keep(!truth(*eval(*expr.parts[0])));
            case Expr::Kind::minus:
                return keep(-number(*eval(*expr.parts[0])));
            case Expr::Kind::binary:
                return binary(expr);
            case Expr::Kind::ternary:
                return eval(*expr.parts[truth(*eval(*expr.parts[1])) ? 0 : 2]);
        }
        return keep(nullptr);
    }

    Value member(Value of, std::string_view name) {
        auto* object = of->if_object();
        auto* found = object != nullptr ? object->if_contains(name) : nullptr;
        return found != nullptr ? found : keep(nullptr);
    }

    Value element(Value of, const json::value& key) {
        if (key.is_string()) return member(of, key.get_string());
        auto* list = of->if_array();
        const std::int64_t size = list != nullptr ? size_of(*of) : 0;
        const std::int64_t at = number(key) < 0 ? size + number(key) : number(key);
        return at >= 0 && at < size ? &(*list)[static_cast<std::size_t>(at)] : keep(nullptr);
    }

    Value slice(const json::value& of, const json::value& from, const json::value& to) {
        const std::int64_t size = size_of(of);
        const auto bound = [&](const json::value& value, std::int64_t otherwise) {
            if (value.is_null()) return otherwise;
            const std::int64_t at = number(value) < 0 ? size + number(value) : number(value);
            return std::clamp<std::int64_t>(at, 0, size);
        };
        const auto begin = bound(from, 0);
        const auto end = std::max(begin, bound(to, size));
        if (const auto* list = of.if_array())
            return keep(json::array(list->begin() + begin, list->begin() + end));
        return keep(json::string(text_of(of).substr(static_cast<std::size_t>(begin),
                                                    static_cast<std::size_t>(end - begin))));
    }

    Value binary(const Expr& expr) {
        const std::string& op = expr.text;
        const Value left = eval(*expr.parts[0]);
        if (op == "and") return truth(*left) ? eval(*expr.parts[1]) : left;
        if (op == "or") return truth(*left) ? left : eval(*expr.parts[1]);
        const Value right = eval(*expr.parts[1]);
        if (op == "==") return keep(*left == *right);
        if (op == "!=") return keep(!(*left == *right));
        if (op == "in") return keep(contains(*right, *left));
        if (op == "~") return keep(json::string(shown(*left) + shown(*right)));
        if (op == "+") return keep(sum(*left, *right));
        const std::int64_t a = number(*left);
        const std::int64_t b = number(*right);
        if (op == "<") return keep(a < b);
        if (op == ">") return keep(a > b);
        if (op == "<=") return keep(a <= b);
        if (op == ">=") return keep(a >= b);
        if (op == "-") return keep(a - b);
        if (op == "*") return keep(a * b);
        if (b == 0) throw Fault{"it divides by zero"};
        return keep(op == "%" ? ((a % b) + b) % b : a / b);
    }

    bool test(const Expr& expr) {
        const json::value& value = *eval(*expr.parts[0]);
        if (expr.text == "defined") return !value.is_null();
        if (expr.text == "undefined" || expr.text == "none") return value.is_null();
        if (expr.text == "string") return value.is_string();
        if (expr.text == "mapping") return value.is_object();
        if (expr.text == "number" || expr.text == "integer") return value.is_number();
        if (expr.text == "boolean") return value.is_bool();
        if (expr.text == "true" || expr.text == "false") return value == (expr.text == "true");
        if (expr.text == "iterable" || expr.text == "sequence")
            return value.is_array() || value.is_object() || value.is_string();
        throw Fault{"the test `is " + expr.text + "` is not known"};
    }

    Value filter(const Expr& expr) {
        const Value value = eval(*expr.parts[0]);
        const auto& name = expr.text;
        if (name == "default" || name == "d") {
            if (!value->is_null() || expr.parts.size() < 2) return value;
            return eval(*expr.parts[1]);
        }
        if (name == "length" || name == "count") return keep(size_of(*value));
        if (name == "string") return keep(json::string(shown(*value)));
        if (name == "tojson") return keep(json::string(json::serialize(*value)));
        if (name == "list" || name == "safe") return value;
        if (name == "first") return element(value, 0);
        if (name == "last") return element(value, -1);
        if (name == "items") {
            json::array all;
            if (const auto* object = value->if_object()) {
                for (const auto& [key, held] : *object) all.push_back(json::array{key, held});
            }
            return keep(std::move(all));
        }
        if (name == "join") {
            if (!value->is_array()) throw Fault{"join needs a list"};
            const std::string between = expr.parts.size() > 1 ? shown(*eval(*expr.parts[1])) : "";
            std::string all;
            for (const auto& one : value->get_array())
                all += (all.empty() ? "" : between) + shown(one);
            return keep(json::string(all));
        }
        return method(*value, name, expr);
    }

    Value call(const Expr& expr) {
        const Expr& called = *expr.parts[0];
        if (called.kind == Expr::Kind::member) {
            const Value of = eval(*called.parts[0]);
            if (of->is_object() && called.text == "get") {
                const Value found = member(of, text_of(argument(expr, 1)));
                return found->is_null() && expr.parts.size() > 2 ? eval(*expr.parts[2]) : found;
            }
            return method(*of, called.text, expr);
        }
        if (called.text == "raise_exception") throw Fault{shown(argument(expr, 1))};
        if (called.text == "namespace") {
            json::object made;
            for (std::size_t i = 1; i < expr.parts.size(); ++i)
                made[expr.names[i - 1]] = *eval(*expr.parts[i]);
            return keep(std::move(made));
        }
        if (called.text == "range") {
            json::array all;
            const std::int64_t end = number(argument(expr, expr.parts.size() - 1));
            std::int64_t i = expr.parts.size() > 2 ? number(argument(expr, 1)) : 0;
            for (; i < end && all.size() < kMostValues; ++i) all.emplace_back(i);
            return keep(std::move(all));
        }
        if (called.text == "strftime_now") {
            char text[128];
            const std::time_t now = std::time(nullptr);
            std::tm parts{};
            ::localtime_r(&now, &parts);
            const std::string format = shown(argument(expr, 1));
            return keep(
                json::string(text, std::strftime(text, sizeof text, format.c_str(), &parts)));
        }
        throw Fault{"the function " + called.text + " is not known"};
    }

    const json::value& argument(const Expr& expr, std::size_t number) {
        if (number == 0 || number >= expr.parts.size()) throw Fault{"an argument is missing"};
        return *eval(*expr.parts[number]);
    }

    /// What filters and methods of a text have in common.
    Value method(const json::value& value, const std::string& name, const Expr& expr) {
        const std::string_view text = text_of(value);
        if (name == "trim" || name == "strip")
            return keep(json::string(stripped(text, true, true)));
        if (name == "lstrip") return keep(json::string(stripped(text, true, false)));
        if (name == "rstrip") return keep(json::string(stripped(text, false, true)));
        if (name == "upper" || name == "lower")
            return keep(json::string(in_case(text, name == "upper")));
        if (name == "capitalize") {
            return keep(
                json::string(in_case(text.substr(0, 1), true) +
                             in_case(text.substr(std::min<std::size_t>(1, text.size())), false)));
        }
        if (name == "startswith") return keep(text.starts_with(text_of(argument(expr, 1))));
        if (name == "endswith") return keep(text.ends_with(text_of(argument(expr, 1))));
        if (name == "split") return keep(split(text, text_of(argument(expr, 1))));
        if (name == "replace") {
            return keep(json::string(
                replaced(text, text_of(argument(expr, 1)), text_of(argument(expr, 2)))));
        }
        throw Fault{"`" + name + "` is not known"};
    }

    std::deque<json::value> kept_;
    std::vector<std::map<std::string, Value, std::less<>>> scopes_;
    std::string out_;
};

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string_view text, TemplateWords words) {
    auto nodes = syntax::parse(text);
    if (!nodes) return tl::unexpected(std::move(nodes).error());
    return ChatTemplate(std::move(*nodes), std::move(words));
}

ChatTemplate::ChatTemplate(std::vector<Node> nodes, TemplateWords words)
    : nodes_(std::move(nodes)), words_(std::move(words)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<std::string> ChatTemplate::render(const std::vector<Message>& messages) const {
    json::array list;
    for (const auto& message : messages)
        list.push_back(json::object{{"role", message.role}, {"content", message.content}});
    try {
        Renderer renderer(json::object{{"messages", std::move(list)},
                                       {"add_generation_prompt", true},
                                       {"bos_token", words_.begin_of_text},
                                       {"eos_token", words_.end_of_text}});
        renderer.render(nodes_);
        return renderer.take();
    } catch (const Fault& fault) {
        return bad_argument("messages: the model's chat template says: " + fault.what);
    }
}

}  // namespace headrace::llama
