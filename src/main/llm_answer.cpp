#include "main/llm_answer.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/json.hpp"
#include "catalog/json_codec.hpp"

namespace headrace::main {
namespace {

constexpr std::size_t kMostReasons = 16;
constexpr std::size_t kMostReasonBytes = 32;

const std::string* text_of(const catalog::Values& values, std::string_view name) {
    const auto* value = values.find(name);
    if (!value) return nullptr;
    if (const auto* json = value->get<catalog::Json>()) return &json->text;
    return value->get<std::string>();
}

bool is_reason(std::string_view word) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !word.empty() && word.size() <= kMostReasonBytes &&
           std::all_of(word.begin(), word.end(), plain);
}

const json::value* at(const json::value* value, std::string_view name) {
    const auto* object = value ? value->if_object() : nullptr;
    return object ? object->if_contains(name) : nullptr;
}

void add_string(std::string& out, const json::value* value) {
    if (const auto* text = value ? value->if_string() : nullptr) {
        out.append(text->data(), text->size());
    }
}

void add_tools(std::string& out, const json::value* message) {
    const auto* calls = at(message, "tool_calls");
    if (!calls || !calls->is_array()) return;
    for (const auto& call : calls->get_array()) {
        const auto* function = at(&call, "function");
        add_string(out, at(function, "name"));
        add_string(out, at(function, "arguments"));
    }
}

/// By number of the choice, what one body or event says.
void add_choices(std::map<std::int64_t, std::string>& texts, std::string_view body) {
    const auto parsed = parse_json(body);
    const auto* choices = parsed ? at(&*parsed, "choices") : nullptr;
    if (!choices || !choices->is_array()) return;
    for (const auto& choice : choices->get_array()) {
        const auto* index = at(&choice, "index");
        auto& text = texts[index && index->is_int64() ? index->get_int64() : 0];
        add_string(text, at(&choice, "text"));
        for (const char* part : {"message", "delta"}) {
            const auto* message = at(&choice, part);
            add_string(text, at(message, "content"));
            add_tools(text, message);
        }
    }
}

}  // namespace

/// Every `"finish_reason":"word"` of a body or a stream. Inside a JSON string both quotes of the
/// name would be escaped, so no text of an answer is taken for one.
std::vector<std::string> finish_reasons_in(std::string_view body) {
    constexpr std::string_view kName = "\"finish_reason\"";
    std::vector<std::string> out;
    for (auto at = body.find(kName); at != body.npos && out.size() < kMostReasons;
         at = body.find(kName, at)) {
        at = body.find_first_not_of(" \t\r\n", at + kName.size());
        if (at == body.npos || body[at] != ':') continue;
        at = body.find_first_not_of(" \t\r\n", at + 1);
        if (at == body.npos || body[at] != '"') continue;
        const auto word = body.substr(at + 1, body.find('"', at + 1) - at - 1);
        if (is_reason(word)) out.emplace_back(word);
    }
    return out;
}

std::string verbatim_text(std::string_view body) {
    std::map<std::int64_t, std::string> texts;
    const auto start = body.find_first_not_of(" \t\r\n");
    if (start != body.npos && body[start] == '{') {
        add_choices(texts, body);
    } else {
        while (!body.empty()) {
            const auto end = std::min(body.find('\n'), body.size());
            auto line = body.substr(0, end);
            body.remove_prefix(std::min(end + 1, body.size()));
            if (line.starts_with("data:")) add_choices(texts, line.substr(5));
        }
    }
    std::string out;
    for (const auto& [number, text] : texts) out.append(out.empty() ? "" : "\n").append(text);
    return out;
}

std::vector<std::string> finish_reasons(const catalog::Values& output) {
    if (const auto* reason = text_of(output, "finish_reason")) {
        return is_reason(*reason) ? std::vector{*reason} : std::vector<std::string>{};
    }
    const auto* body = text_of(output, "response");
    return body ? finish_reasons_in(*body) : std::vector<std::string>{};
}

std::string request_text(const catalog::Values& input) {
    if (const auto* body = text_of(input, "request")) return *body;
    catalog::Values asked;
    for (const char* name : {"messages", "tools", "text"}) {
        if (const auto* value = input.find(name)) asked.set(name, *value);
    }
    std::string out;
    catalog::write_json(out, asked);
    return out;
}

std::string answer_text(const catalog::Values& output) {
    if (const auto* body = text_of(output, "response")) return verbatim_text(*body);
    std::string out;
    if (const auto* text = text_of(output, "text")) out = *text;
    if (const auto* calls = text_of(output, "tool_calls")) {
        if (auto parsed = parse_json(*calls)) {
            const json::value message = json::object{{"tool_calls", std::move(*parsed)}};
            if (!out.empty()) out += '\n';
            add_tools(out, &message);
        }
    }
    return out;
}

}  // namespace headrace::main
