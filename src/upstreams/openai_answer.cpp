#include "upstreams/openai_answer.hpp"

#include <algorithm>
#include <cstring>

#include "base/digest.hpp"
#include "base/json_scan.hpp"
#include "upstreams/usage_scanner.hpp"

namespace headrace::upstreams {
namespace {

using catalog::Profile;
using catalog::Value;

tl::unexpected<CallError> garbage(std::string_view what) {
    return call_failed(Fault::server, "engine_failed",
                       "the upstream's answer has no " + std::string(what));
}

const json::object* object_at(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? value->if_object() : nullptr;
}

const json::array* array_at(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? value->if_array() : nullptr;
}

const json::string* string_at(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? value->if_string() : nullptr;
}

std::string text_of(const json::value& value) {
    std::string text;
    append_json(text, value);
    return text;
}

CallResult<CallAnswer> chat(const json::object& body) {
    const auto* choices = array_at(body, "choices");
    const auto* choice = choices && !choices->empty() ? choices->front().if_object() : nullptr;
    if (!choice) return garbage("choices");
    CallAnswer answer;
    const auto* message = object_at(*choice, "message");
    if (!message) return garbage("message");
    const auto* text = string_at(*message, "content");
    answer.output.set("text", std::string(text ? std::string_view(*text) : std::string_view()));
    if (const auto* calls = array_at(*message, "tool_calls"); calls && !calls->empty()) {
        answer.output.set("tool_calls", catalog::Json{text_of(*calls)});
    }
    if (const auto* reason = string_at(*choice, "finish_reason")) {
        answer.output.set("finish_reason", std::string(*reason));
    }
    const auto* logprobs = object_at(*choice, "logprobs");
    if (const auto* content = logprobs ? array_at(*logprobs, "content") : nullptr) {
        answer.output.set("logprobs", catalog::Json{text_of(*content)});
    }
    return answer;
}

/// One vector of floats: an array, or base64 of little-endian fp32.
bool append_vector(const json::value& from, std::string& to) {
    if (const auto* text = from.if_string()) {
        const auto bytes = from_base64(std::string_view(*text));
        if (!bytes || bytes->size() % sizeof(float) != 0) return false;
        to += *bytes;
        return true;
    }
    const auto* numbers = from.if_array();
    if (!numbers) return false;
    for (const auto& number : *numbers) {
        if (!number.is_number()) return false;
        const auto value = number.to_number<float>();
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        to.append(bytes, sizeof value);
    }
    return true;
}

CallResult<CallAnswer> embed(const json::object& body) {
    const auto* data = array_at(body, "data");
    if (!data || data->empty()) return garbage("embeddings");
    catalog::Tensor tensor;
    std::size_t width = 0;
    for (const auto& each : *data) {
        const auto* item = each.if_object();
        const auto* vector = item ? item->if_contains("embedding") : nullptr;
        const std::size_t before = tensor.data.size();
        if (!vector || !append_vector(*vector, tensor.data)) return garbage("embedding");
        const std::size_t added = tensor.data.size() - before;
        if (added == 0 || (width != 0 && width != added)) return garbage("embedding of one length");
        width = added;
    }
    tensor.shape = {static_cast<std::int64_t>(data->size()),
                    static_cast<std::int64_t>(width / sizeof(float))};
    CallAnswer answer;
    answer.output.set("embeddings", std::move(tensor));
    return answer;
}

CallResult<CallAnswer> rerank(const json::object& body) {
    const auto* results = array_at(body, "results");
    if (!results) return garbage("results");
    std::vector<Value> scores(results->size(), Value(0.0));
    for (const auto& each : *results) {
        const auto* item = each.if_object();
        const auto* index = item ? item->if_contains("index") : nullptr;
        const auto* score = item ? item->if_contains("relevance_score") : nullptr;
        const auto* at = index ? index->if_int64() : nullptr;
        const bool sound = at && *at >= 0 && static_cast<std::size_t>(*at) < scores.size() &&
                           score && score->is_number();
        if (!sound) return garbage("score for each document");
        scores[static_cast<std::size_t>(*at)] = score->to_number<double>();
    }
    CallAnswer answer;
    answer.output.set("scores", std::move(scores));
    return answer;
}

CallResult<CallAnswer> transcribe(const json::object& body) {
    const auto* text = string_at(body, "text");
    if (!text) return garbage("text");
    CallAnswer answer;
    answer.output.set("text", std::string(*text));
    if (const auto* segments = array_at(body, "segments")) {
        answer.output.set("segments", catalog::Json{text_of(*segments)});
    }
    return answer;
}

CallResult<CallAnswer> by_profile(Profile profile, const json::object& body) {
    switch (profile) {
        case Profile::chat:
            return chat(body);
        case Profile::embed:
            return embed(body);
        case Profile::rerank:
            return rerank(body);
        case Profile::transcribe:
            return transcribe(body);
        default:
            return garbage("known form");
    }
}

void append_text(json::object& to, std::string_view name, std::string_view text) {
    auto& value = to[name];
    if (!value.is_string()) value.emplace_string();
    value.get_string().append(text);
}

}  // namespace

CallResult<CallAnswer> read_answer(Profile profile, std::string_view body,
                                   std::string_view secret) {
    const auto members = JsonMembers::scan(body);
    if (!members) return garbage("JSON object");
    if (auto error = error_in(*members, secret)) return call_failed(std::move(*error));
    const auto tree = parse_json_object(body);
    if (!tree) return garbage("sound JSON");
    auto answer = by_profile(profile, *tree);
    if (!answer) return answer;
    if (const JsonMember* usage = members->find("usage")) answer->tokens = tokens_of(usage->value);
    return answer;
}

CallResult<std::string> ChatDeltas::take(std::string_view data) {
    const auto members = JsonMembers::scan(data);
    if (!members) return garbage("JSON in an event");
    if (auto error = error_in(*members, secret_)) return call_failed(std::move(*error));
    if (const JsonMember* usage = members->find("usage");
        usage && usage->kind == JsonKind::object) {
        said_ = tokens_of(usage->value);
    }
    const auto tree = parse_json_object(data);
    const auto* choices = tree ? array_at(*tree, "choices") : nullptr;
    const auto* choice = choices && !choices->empty() ? choices->front().if_object() : nullptr;
    if (!choice) return std::string();
    if (const auto* reason = string_at(*choice, "finish_reason")) finish_reason_ = *reason;
    const auto* logprobs = object_at(*choice, "logprobs");
    if (const auto* content = logprobs ? array_at(*logprobs, "content") : nullptr) {
        logprobs_.insert(logprobs_.end(), content->begin(), content->end());
    }
    const auto* delta = object_at(*choice, "delta");
    if (!delta) return std::string();
    if (const auto* calls = array_at(*delta, "tool_calls")) take_tool_calls(*calls);
    const auto* text = string_at(*delta, "content");
    if (!text || text->empty()) return std::string();
    ++texts_;
    return std::string(*text);
}

/// A call comes in pieces: id, type and name first, then its arguments bit by bit.
void ChatDeltas::take_tool_calls(const json::array& deltas) {
    constexpr std::size_t kMostCalls = 1'000;
    for (const auto& each : deltas) {
        const auto* delta = each.if_object();
        if (!delta) continue;
        const auto* index = delta->if_contains("index");
        const std::int64_t at = index && index->is_int64() ? index->get_int64() : 0;
        if (tool_calls_.size() >= kMostCalls && !tool_calls_.contains(at)) continue;
        json::object& call = tool_calls_[at];
        if (const auto* id = string_at(*delta, "id")) call["id"] = *id;
        call["type"] = "function";
        const auto* function = object_at(*delta, "function");
        if (!function) continue;
        auto& to = call["function"];
        if (!to.is_object()) to.emplace_object();
        if (const auto* name = string_at(*function, "name")) to.get_object()["name"] = *name;
        const auto* arguments = string_at(*function, "arguments");
        append_text(to.get_object(), "arguments",
                    arguments ? std::string_view(*arguments) : std::string_view());
    }
    ++texts_;
}

CallAnswer ChatDeltas::answer() const {
    CallAnswer answer;
    if (!finish_reason_.empty()) answer.output.set("finish_reason", finish_reason_);
    if (!tool_calls_.empty()) {
        json::array calls;
        for (const auto& [index, call] : tool_calls_) calls.push_back(call);
        answer.output.set("tool_calls", catalog::Json{text_of(calls)});
    }
    if (!logprobs_.empty()) answer.output.set("logprobs", catalog::Json{text_of(logprobs_)});
    answer.tokens = said_.value_or(Tokens{});
    if (!answer.tokens.completion) answer.tokens.completion = texts_;
    return answer;
}

}  // namespace headrace::upstreams
