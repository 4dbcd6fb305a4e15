#include "schema_grammar.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace headrace::llama {
namespace {

namespace json = boost::json;

constexpr std::size_t kDeepest = 16;
constexpr std::size_t kLargest = 64 * 1024;
constexpr std::int64_t kMostRepeats = 1'000;

/// Rules that every grammar may lean on. Numbers and free values are bounded, or a model that is
/// lost in one would write digits or brackets until its tokens run out.
constexpr std::string_view kBasic = R"(
string ::= "\"" char* "\""
char ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
integer ::= "-"? ("0" | [1-9] [0-9]{0,15})
number ::= integer ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?
boolean ::= "true" | "false"
null ::= "null"
value ::= string | number | boolean | null | object | array
object ::= "{" (string ":" " "? value ("," " "? string ":" " "? value)*)? "}"
array ::= "[" (value ("," " "? value)*)? "]"
)";
constexpr std::string_view kComma = R"("," " "? )";

constexpr std::array kNotes = {"title", "description", "default", "examples",  "$schema",
                               "$id",   "$comment",    "format",  "deprecated"};

/// A text as a GBNF literal.
std::string literal(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string literal_of(const json::value& value) {
    return literal(json::serialize(value));
}

class Writer {
  public:
    Result<std::string> write(const json::value& schema) {
        auto root = rule(schema, "response_format.schema", 0);
        if (!root) return tl::unexpected(std::move(root).error());
        std::string out = "root ::= " + *root + '\n' + rules_ + std::string(kBasic.substr(1));
        if (out.size() > kLargest) return bad_argument("response_format.schema is too large");
        return out;
    }

  private:
    using Text = Result<std::string>;

    /// The right side of a rule, safe to stand inside another one.
    Text rule(const json::value& schema, const std::string& path, std::size_t depth) {
        if (depth > kDeepest) return bad_argument(path + " is more than 16 deep");
        if (schema.is_bool() && schema.get_bool()) return std::string("value");
        const auto* object = schema.if_object();
        if (object == nullptr) return bad_argument(path + " is no schema");
        if (auto known = check_keys(*object, path); !known)
            return tl::unexpected(std::move(known).error());
        if (const auto* one = object->if_contains("const")) return literal_of(*one);
        if (const auto* words = object->if_contains("enum")) return enumeration(*words, path);
        for (const char* key : {"anyOf", "oneOf"}) {
            if (const auto* ways = object->if_contains(key))
                return choice(*ways, path + '.' + key, depth);
        }
        const auto* type = object->if_contains("type");
        if (type == nullptr) {
            if (object->contains("properties")) return members(*object, path, depth);
            if (object->contains("items")) return elements(*object, path, depth);
            return std::string("value");
        }
        if (type->is_string()) return of_type(type->get_string(), *object, path, depth);
        if (!type->is_array() || type->get_array().empty())
            return bad_argument(path + ".type is neither a text nor a list of texts");
        std::vector<std::string> ways;
        for (const auto& word : type->get_array()) {
            if (!word.is_string()) return bad_argument(path + ".type holds what is no text");
            auto way = of_type(word.get_string(), *object, path, depth);
            if (!way) return way;
            ways.push_back(std::move(*way));
        }
        return either(ways);
    }

    Result<void> check_keys(const json::object& object, const std::string& path) {
        constexpr std::array kRead = {"type",
                                      "enum",
                                      "const",
                                      "properties",
                                      "required",
                                      "items",
                                      "anyOf",
                                      "oneOf",
                                      "minItems",
                                      "maxItems",
                                      "minLength",
                                      "maxLength",
                                      "additionalProperties"};
        for (const auto& [key, value] : object) {
            if (std::ranges::find(kRead, key) == kRead.end() &&
                std::ranges::find(kNotes, key) == kNotes.end()) {
                return bad_argument(path + '.' + std::string(key) +
                                    " is not supported in a response format");
            }
        }
        const auto* more = object.if_contains("additionalProperties");
        if (more != nullptr && *more != false) {
            return bad_argument(path +
                                ".additionalProperties is not supported in a response "
                                "format, except as false");
        }
        return {};
    }

    Text of_type(std::string_view type, const json::object& schema, const std::string& path,
                 std::size_t depth) {
        if (type == "object") {
            if (!schema.contains("properties")) return std::string("object");
            return members(schema, path, depth);
        }
        if (type == "array") return elements(schema, path, depth);
        if (type == "string") return text(schema, path);
        for (const char* plain : {"integer", "number", "boolean", "null"}) {
            if (type == plain) return std::string(plain);
        }
        return bad_argument(path + ".type " + std::string(type) + " is no type of JSON");
    }

    static Text enumeration(const json::value& words, const std::string& path) {
        const auto* list = words.if_array();
        if (list == nullptr || list->empty())
            return bad_argument(path + ".enum is no list of values");
        std::vector<std::string> ways;
        for (const auto& word : *list) ways.push_back(literal_of(word));
        return either(ways);
    }

    Text choice(const json::value& list, const std::string& path, std::size_t depth) {
        if (!list.is_array() || list.get_array().empty())
            return bad_argument(path + " is no list of schemas");
        std::vector<std::string> ways;
        for (const auto& one : list.get_array()) {
            auto way = rule(one, path + '[' + std::to_string(ways.size()) + ']', depth + 1);
            if (!way) return way;
            ways.push_back(std::move(*way));
        }
        return either(ways);
    }

    Text text(const json::object& schema, const std::string& path) {
        auto counts = bounds(schema, "minLength", "maxLength", path);
        if (!counts) return tl::unexpected(std::move(counts).error());
        if (counts->empty()) return std::string("string");
        return named(R"("\"" char)" + *counts + R"( "\"")");
    }

    Text elements(const json::object& schema, const std::string& path, std::size_t depth) {
        std::int64_t least = 0;
        std::optional<std::int64_t> most;
        if (auto read = range(schema, "minItems", "maxItems", path, least, most); !read)
            return tl::unexpected(std::move(read).error());
        std::string item = "value";
        if (const auto* items = schema.if_contains("items")) {
            auto made = rule(*items, path + ".items", depth + 1);
            if (!made) return made;
            item = named(*made);
        }
        if (most && *most == 0) return std::string(R"("[]")");
        const std::string further = '(' + std::string(kComma) + item + ')';
        std::string list = item;
        if (!most || *most > 1) {
            list += ' ' + further +
                    repeat(std::max<std::int64_t>(least - 1, 0),
                           most ? std::optional(*most - 1) : std::nullopt);
        }
        if (least == 0) list = '(' + list + ")?";
        return named(R"("[" )" + list + R"( "]")");
    }

    /// Members in order. `behind_N`: what may follow when something stands before it, from member
    /// N.
    Text members(const json::object& schema, const std::string& path, std::size_t depth) {
        const auto* listed = schema.if_contains("properties");
        const auto* properties = listed != nullptr ? listed->if_object() : nullptr;
        if (properties == nullptr) return bad_argument(path + ".properties is no object");
        std::vector<std::string_view> required;
        if (auto read = read_required(schema, *properties, path, required); !read)
            return tl::unexpected(std::move(read).error());
        struct Member {
            std::string text;
            bool must;
        };
        std::vector<Member> all;
        for (const auto& [key, value] : *properties) {
            auto made = rule(value, path + ".properties." + std::string(key), depth + 1);
            if (!made) return made;
            all.push_back(
                {literal(json::serialize(json::string(key)) + ':') + R"( " "? )" + named(*made),
                 std::ranges::find(required, std::string_view(key)) != required.end()});
        }
        // From the back: `behind` is what may follow with a comma, `first` what may come without.
        std::string behind;
        std::string first;
        bool first_may_be_empty = true;
        for (auto member = all.rbegin(); member != all.rend(); ++member) {
            const std::string here = behind.empty() ? member->text : member->text + ' ' + behind;
            if (member->must) {
                first = here;
                first_may_be_empty = false;
                behind = named(std::string(kComma) + here);
            } else {
                first = first.empty() ? here : '(' + here + " | " + first + ')';
                const std::string with = named(std::string(kComma) + member->text);
                behind = named(behind.empty() ? with + '?' : with + "? " + behind);
            }
            first = named(first);
        }
        if (first.empty()) return std::string(R"("{}")");
        return named(R"("{" )" + first + (first_may_be_empty ? "?" : "") + R"( "}")");
    }

    static Result<void> read_required(const json::object& schema, const json::object& properties,
                                      const std::string& path,
                                      std::vector<std::string_view>& required) {
        const auto* list = schema.if_contains("required");
        if (list == nullptr) return {};
        if (!list->is_array()) return bad_argument(path + ".required is no list");
        for (const auto& name : list->get_array()) {
            if (!name.is_string()) return bad_argument(path + ".required holds what is no text");
            if (!properties.contains(name.get_string())) {
                return bad_argument(path + ".required names " + std::string(name.get_string()) +
                                    ", which `properties` lacks");
            }
            required.push_back(name.get_string());
        }
        return {};
    }

    static Result<void> range(const json::object& schema, const char* low, const char* high,
                              const std::string& path, std::int64_t& least,
                              std::optional<std::int64_t>& most) {
        for (const char* key : {low, high}) {
            const auto* value = schema.if_contains(key);
            if (value == nullptr) continue;
            const auto* number = value->if_int64();
            if (number == nullptr || *number < 0 || *number > kMostRepeats) {
                return bad_argument(path + '.' + key + " must be an integer from 0 to " +
                                    std::to_string(kMostRepeats));
            }
            if (key == low)
                least = *number;
            else
                most = *number;
        }
        if (most && *most < least) return bad_argument(path + '.' + high + " is below " + low);
        return {};
    }

    static Text bounds(const json::object& schema, const char* low, const char* high,
                       const std::string& path) {
        std::int64_t least = 0;
        std::optional<std::int64_t> most;
        if (auto read = range(schema, low, high, path, least, most); !read)
            return tl::unexpected(std::move(read).error());
        return least == 0 && !most ? std::string() : repeat(least, most);
    }

    static std::string repeat(std::int64_t least, std::optional<std::int64_t> most) {
        if (least == 0 && !most) return "*";
        return '{' + std::to_string(least) + ',' + (most ? std::to_string(*most) : "") + '}';
    }

    static std::string either(const std::vector<std::string>& ways) {
        std::string out;
        for (const auto& way : ways) out += (out.empty() ? "(" : " | ") + way;
        return out + ')';
    }

    /// A rule of its own for `text`; its name.
    std::string named(const std::string& text) {
        if (std::ranges::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; })) return text;
        std::string name = "r" + std::to_string(++count_);
        if (rules_.size() <= kLargest) rules_ += name + " ::= " + text + '\n';
        return name;
    }

    std::string rules_;
    std::size_t count_ = 0;
};

}  // namespace

Result<std::string> grammar_of_schema(std::string_view schema) {
    boost::system::error_code error;
    const json::value tree = json::parse(schema, error);
    if (error) return bad_argument("response_format.schema is no JSON");
    return Writer().write(tree);
}

std::string grammar_of_any_object() {
    return "root ::= object\n" + std::string(kBasic.substr(1));
}

}  // namespace headrace::llama
