#include "upstreams/fastchat_template.hpp"

#include <map>
#include <stdexcept>
#include <string>

namespace headrace::upstreams {

/// The text of fastchat_templates.json, compiled in.
extern const std::string_view kFastchatTemplates;

namespace {

constexpr std::size_t kMaxExamples = 256;

tl::unexpected<Error> broken(std::string_view member) {
    return fail(ErrorCode::engine_failed,
                "the worker's conversation template has a broken member " + std::string(member));
}

/// A string member; null and a missing one leave `out` as it is.
bool read_text(const json::object& from, std::string_view name, std::string& out) {
    const auto* member = from.if_contains(name);
    if (member == nullptr || member->is_null()) return true;
    if (!member->is_string()) return false;
    out = std::string(member->get_string());
    return true;
}

bool read_roles(const json::object& from, PromptTemplate& out) {
    const auto* roles = from.if_contains("roles");
    if (roles == nullptr || roles->is_null()) return true;
    if (!roles->is_array() || roles->get_array().size() < 2) return false;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& role = roles->get_array()[i];
        if (!role.is_string()) return false;
        out.roles[i] = std::string(role.get_string());
    }
    return true;
}

bool read_messages(const json::object& from, PromptTemplate& out) {
    const auto* messages = from.if_contains("messages");
    if (messages == nullptr || messages->is_null()) return true;
    if (!messages->is_array() || messages->get_array().size() > kMaxExamples) return false;
    for (const auto& item : messages->get_array()) {
        const auto* pair = item.if_array();
        if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string()) return false;
        PromptTurn turn;
        turn.role = std::string((*pair)[0].get_string());
        if (const auto* text = (*pair)[1].if_string()) {
            turn.text = std::string(*text);
        } else if (!(*pair)[1].is_null()) {
            return false;
        }
        out.messages.push_back(std::move(turn));
    }
    return true;
}

bool read_stops(const json::object& from, PromptTemplate& out) {
    const auto* stop = from.if_contains("stop_str");
    if (stop != nullptr && stop->is_string()) {
        if (!stop->get_string().empty()) out.stop.emplace_back(stop->get_string());
    } else if (stop != nullptr && stop->is_array()) {
        for (const auto& one : stop->get_array()) {
            if (!one.is_string()) return false;
            if (!one.get_string().empty()) out.stop.emplace_back(one.get_string());
        }
    } else if (stop != nullptr && !stop->is_null()) {
        return false;
    }
    const auto* ids = from.if_contains("stop_token_ids");
    if (ids == nullptr || ids->is_null()) return true;
    if (!ids->is_array()) return false;
    for (const auto& id : ids->get_array()) {
        if (id.is_null()) continue;
        if (!id.is_int64()) return false;
        out.stop_token_ids.push_back(id.get_int64());
    }
    return true;
}

/// All members but the style.
Result<PromptTemplate> read_members(const json::object& from) {
    PromptTemplate out;
    for (const auto& [name, text] : {std::pair<std::string_view, std::string*>{"name", &out.name},
                                     {"system_template", &out.system_template},
                                     {"system_message", &out.system_message},
                                     {"sep", &out.sep},
                                     {"sep2", &out.sep2}}) {
        if (!read_text(from, name, *text)) return broken(name);
    }
    if (!read_roles(from, out)) return broken("roles");
    if (!read_messages(from, out)) return broken("messages");
    if (!read_stops(from, out)) return broken("stop_str or stop_token_ids");
    return out;
}

std::map<std::string, PromptTemplate, std::less<>> read_table() {
    std::map<std::string, PromptTemplate, std::less<>> table;
    const auto parsed = parse_json(kFastchatTemplates);
    if (!parsed) throw std::logic_error("fastchat_templates.json is broken");
    for (const auto& item : parsed->as_array()) {
        auto form = read_members(item.as_object());
        const auto style = prompt_style_from(item.at("style").as_string());
        if (!form || !style) throw std::logic_error("fastchat_templates.json is broken");
        form->style = *style;
        table.emplace(form->name, std::move(*form));
    }
    return table;
}

}  // namespace

const PromptTemplate* known_prompt_template(std::string_view name) {
    static const auto table = read_table();
    const auto found = table.find(name);
    return found == table.end() ? nullptr : &found->second;
}

Numbering numbering_of(const json::object& conv) {
    if (conv.contains("system_message_vision") || conv.contains("max_image_size_mb")) {
        return Numbering::head;
    }
    const auto* number = conv.if_contains("sep_style");
    if (number == nullptr || !number->is_int64()) return Numbering::released;
    const auto* name = conv.if_contains("name");
    const auto* known = name != nullptr && name->is_string()
                            ? known_prompt_template(std::string_view(name->get_string()))
                            : nullptr;
    if (known != nullptr) {
        for (const auto numbering : {Numbering::released, Numbering::head}) {
            if (number_of(known->style, numbering) == number->get_int64()) return numbering;
        }
    }
    const bool both = prompt_style_of(number->get_int64(), Numbering::released).has_value();
    return both ? Numbering::released : Numbering::head;
}

Result<PromptTemplate> read_prompt_template(const json::object& conv,
                                            std::optional<Numbering> numbering) {
    auto out = read_members(conv);
    if (!out) return out;
    out->numbering = numbering ? *numbering : numbering_of(conv);
    const auto* number = conv.if_contains("sep_style");
    if (number == nullptr || !number->is_int64()) return broken("sep_style");
    const auto style = prompt_style_of(number->get_int64(), out->numbering);
    if (!style) return broken("sep_style");
    out->style = *style;
    return out;
}

}  // namespace headrace::upstreams
