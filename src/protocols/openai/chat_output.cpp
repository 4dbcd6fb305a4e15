#include "protocols/openai/chat_output.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "base/json.hpp"
#include "protocols/openai/model_call.hpp"

namespace headrace::protocols::openai {
namespace {

std::string text_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr) return {};
    if (value->is_string()) return std::string(value->get_string());
    // Arguments that an engine gives as an object are text on this wire.
    std::string text;
    if (value->is_object()) append_json(text, *value);
    return text;
}

/// {"index","id","name","arguments"}, or the wire's own {"id","type","function":{…}}.
ToolCall tool_call_of(const json::object& object, std::size_t place) {
    ToolCall call;
    const auto* index = object.if_contains("index");
    call.index = index != nullptr && index->is_int64() ? index->get_int64()
                                                       : static_cast<std::int64_t>(place);
    call.id = text_member(object, "id");
    const auto* function = object.if_contains("function");
    const auto* inner = function != nullptr ? function->if_object() : nullptr;
    const auto& named = inner != nullptr ? *inner : object;
    call.name = text_member(named, "name");
    call.arguments = text_member(named, "arguments");
    return call;
}

std::string_view finish_word(std::string_view word, bool has_calls) {
    constexpr std::array<std::string_view, 4> kWords{"stop", "length", "tool_calls",
                                                     "content_filter"};
    const auto known = std::find(kWords.begin(), kWords.end(), word);
    if (has_calls && (known == kWords.end() || *known == "stop")) return "tool_calls";
    return known != kWords.end() ? *known : std::string_view("stop");
}

void append_entry(std::string& out, const json::object& entry, bool with_top) {
    const auto* token = entry.if_contains("token");
    const auto* logprob = entry.if_contains("logprob");
    const auto* bytes = entry.if_contains("bytes");
    out += "{\"token\":";
    append_json_string(out, token != nullptr && token->is_string()
                                ? std::string_view(token->get_string())
                                : std::string_view());
    out += ",\"logprob\":";
    // The wire has no infinity; this is what the services write for it.
    if (logprob != nullptr && logprob->is_number()) {
        append_json(out, *logprob);
    } else {
        out += "-9999.0";
    }
    out += ",\"bytes\":";
    if (bytes != nullptr && bytes->is_array()) {
        append_json(out, *bytes);
    } else {
        out += "null";
    }
    if (with_top) {
        out += ",\"top_logprobs\":[";
        const auto* top = entry.if_contains("top");
        if (top == nullptr) top = entry.if_contains("top_logprobs");
        if (top != nullptr && top->is_array()) {
            for (const auto& one : top->get_array()) {
                if (!one.is_object()) continue;
                if (out.back() != '[') out += ',';
                append_entry(out, one.get_object(), false);
            }
        }
        out += ']';
    }
    out += '}';
}

}  // namespace

TokenCount tokens_of(const jobs::Usage& usage) {
    return {meter(usage, "prompt_tokens", "input_tokens"),
            meter(usage, "completion_tokens", "output_tokens"), meter(usage, "cached_tokens")};
}

void append_usage(std::string& out, const TokenCount& tokens) {
    out += "{\"prompt_tokens\":" + std::to_string(tokens.prompt);
    out += ",\"completion_tokens\":" + std::to_string(tokens.completion);
    out += ",\"total_tokens\":" + std::to_string(tokens.prompt + tokens.completion);
    out += ",\"prompt_tokens_details\":{\"cached_tokens\":" + std::to_string(tokens.cached);
    out += "},\"completion_tokens_details\":{\"reasoning_tokens\":0}}";
}

Result<std::vector<ToolCall>> tool_calls_of(std::string_view json_text) {
    std::vector<ToolCall> calls;
    if (json_text.empty()) return calls;
    const auto list = parse_json(json_text);
    if (!list) return fail(list.error());
    const auto* array = list->if_array();
    if (array == nullptr) return fail(ErrorCode::engine_failed, "tool_calls is no list");
    for (const auto& each : *array) {
        if (const auto* object = each.if_object()) {
            calls.push_back(tool_call_of(*object, calls.size()));
        }
    }
    return calls;
}

std::vector<ToolCall> joined(std::vector<ToolCall> pieces, std::string_view job) {
    std::vector<ToolCall> calls;
    for (auto& piece : pieces) {
        const auto same = std::find_if(calls.begin(), calls.end(), [&](const ToolCall& call) {
            return call.index == piece.index;
        });
        if (same == calls.end()) {
            calls.push_back(std::move(piece));
            continue;
        }
        if (same->id.empty()) same->id = std::move(piece.id);
        same->name += piece.name;
        same->arguments += piece.arguments;
    }
    std::stable_sort(calls.begin(), calls.end(),
                     [](const ToolCall& a, const ToolCall& b) { return a.index < b.index; });
    for (auto& call : calls) {
        if (call.id.empty()) {
            call.id = "call_" + std::string(job) + '_' + std::to_string(call.index);
        }
    }
    return calls;
}

void append_tool_calls(std::string& out, const std::vector<ToolCall>& calls) {
    out += '[';
    for (const auto& call : calls) {
        if (out.back() != '[') out += ',';
        out += "{\"id\":";
        append_json_string(out, call.id);
        out += ",\"type\":\"function\",\"function\":{\"name\":";
        append_json_string(out, call.name);
        out += ",\"arguments\":";
        append_json_string(out, call.arguments);
        out += "}}";
    }
    out += ']';
}

void append_logprobs(std::string& out, std::string_view entries) {
    const auto list = parse_json(entries.empty() ? "null" : entries);
    const auto* array = list ? list->if_array() : nullptr;
    if (array == nullptr) {
        out += "null";
        return;
    }
    out += "{\"content\":[";
    for (const auto& entry : *array) {
        if (!entry.is_object()) continue;
        if (out.back() != '[') out += ',';
        append_entry(out, entry.get_object(), true);
    }
    out += "],\"refusal\":null}";
}

std::string_view text_of(const catalog::Values& values, std::string_view name) {
    const auto* value = values.find(name);
    if (value == nullptr) return {};
    if (const auto* text = value->get<std::string>()) return *text;
    if (const auto* text = value->get<catalog::Json>()) return text->text;
    return {};
}

ChatOutput chat_output(catalog::Values outputs, std::string_view job) {
    ChatOutput result;
    if (auto calls = tool_calls_of(text_of(outputs, "tool_calls"))) {
        result.tool_calls = joined(std::move(*calls), job);
    }
    result.finish_reason =
        finish_word(text_of(outputs, "finish_reason"), !result.tool_calls.empty());
    result.logprobs = text_of(outputs, "logprobs");
    if (auto* text = outputs.find("text")) {
        if (auto* own = text->get<std::string>()) result.text = std::move(*own);
    }
    return result;
}

std::string hex_of(const Uuid& id) {
    return to_hex(id.raw());
}

}  // namespace headrace::protocols::openai
