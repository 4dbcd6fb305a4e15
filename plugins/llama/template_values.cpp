#include "template_values.hpp"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace headrace::llama::values {

namespace json = boost::json;

bool truth(const json::value& value) {
    if (value.is_bool()) return value.get_bool();
    if (value.is_string()) return !value.get_string().empty();
    if (value.is_array()) return !value.get_array().empty();
    if (value.is_object()) return !value.get_object().empty();
    if (value.is_int64()) return value.get_int64() != 0;
    return !value.is_null();
}

std::string_view text_of(const json::value& value) {
    if (!value.is_string()) throw Fault{"a text is needed"};
    return value.get_string();
}

std::string shown(const json::value& value) {
    if (value.is_string()) return std::string(value.get_string());
    if (value.is_null()) return {};
    if (value.is_bool()) return value.get_bool() ? "True" : "False";
    return json::serialize(value);
}

std::string_view stripped(std::string_view text, bool left, bool right) {
    constexpr std::string_view kBlank = " \t\r\n\f\v";
    if (left) text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
    if (right) text = text.substr(0, text.find_last_not_of(kBlank) + 1);
    return text;
}

std::string in_case(std::string_view text, bool upper) {
    std::string out(text);
    for (char& c : out) {
        if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z') c = static_cast<char>(c ^ 0x20);
    }
    return out;
}

json::array split(std::string_view text, std::string_view by) {
    if (by.empty()) throw Fault{"split needs a separator"};
    json::array out;
    while (true) {
        const auto at = text.find(by);
        out.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + by.size());
    }
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    while (!from.empty()) {
        const auto at = text.find(from);
        if (at == std::string_view::npos) break;
        out += text.substr(0, at);
        out += to;
        text.remove_prefix(at + from.size());
    }
    return out += text;
}

std::int64_t size_of(const json::value& value) {
    if (value.is_array()) return static_cast<std::int64_t>(value.get_array().size());
    if (value.is_object()) return static_cast<std::int64_t>(value.get_object().size());
    return static_cast<std::int64_t>(text_of(value).size());
}

std::int64_t number(const json::value& value) {
    if (value.is_int64()) return value.get_int64();
    if (value.is_uint64()) return static_cast<std::int64_t>(value.get_uint64());
    throw Fault{"a number is needed"};
}

json::value sum(const json::value& left, const json::value& right) {
    if (left.is_string())
        return json::string(std::string(text_of(left)) + std::string(text_of(right)));
    if (left.is_array() && right.is_array()) {
        json::array all = left.get_array();
        all.insert(all.end(), right.get_array().begin(), right.get_array().end());
        return all;
    }
    return number(left) + number(right);
}

bool contains(const json::value& in, const json::value& what) {
    if (const auto* list = in.if_array()) return std::ranges::find(*list, what) != list->end();
    if (const auto* object = in.if_object()) return object->contains(text_of(what));
    return in.is_string() && text_of(in).find(text_of(what)) != std::string_view::npos;
}

}  // namespace headrace::llama::values
