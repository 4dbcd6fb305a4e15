#include "upstreams/fastchat_dialer.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "upstreams/retry_after.hpp"

namespace headrace::upstreams {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostShort = 4 << 20;  // of a template, a status, a count
constexpr std::size_t kMostRows = 64 << 20;  // of an embeddings answer
constexpr std::size_t kEmbeddingBatch = 4;   // as FastChat's own server asks
constexpr auto kShortTime = 5'000ms;
constexpr auto kAsServerSays = 0ms;

constexpr std::string_view kInterface = R"({"profile":"chat",
"inputs":{"text":{"kind":"text","required":false,"count":"0..2048"}},
"parameters":{
"messages":{"kind":"json","required":false,"schema":{"type":"array","minItems":1}},
"prompt":{"kind":"string","required":false},
"echo":{"kind":"boolean","required":false},
"tools":{"kind":"json","required":false},
"tool_choice":{"kind":"json","required":false},
"response_format":{"kind":"json","required":false},
"temperature":{"kind":"float","required":false,"min":0,"max":2},
"top_p":{"kind":"float","required":false,"min":0,"max":1},
"top_k":{"kind":"integer","required":false,"min":-1},
"presence_penalty":{"kind":"float","required":false,"min":-2,"max":2},
"frequency_penalty":{"kind":"float","required":false,"min":-2,"max":2},
"repeat_penalty":{"kind":"float","required":false,"min":0},
"max_tokens":{"kind":"integer","required":false,"min":1},
"seed":{"kind":"integer","required":false},
"stop":{"kind":"string","list":true,"required":false,"max_items":64},
"logprobs":{"kind":"boolean","required":false},
"top_logprobs":{"kind":"integer","required":false,"min":0,"max":20},
"extra":{"kind":"json","required":false}},
"outputs":{
"text":{"kind":"text","stream":"append"},
"tool_calls":{"kind":"json","conditional":true},
"finish_reason":{"kind":"string","conditional":true},
"logprobs":{"kind":"json","conditional":true},
"embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1],"conditional":true}},
"errors":{"context_exceeded":{"description":"messages and answer do not fit into the context"}},
"meters":{"prompt_tokens":{"unit":"token"},"completion_tokens":{"unit":"token"}}})";

CallError of_error(const Error& error) {
    const auto fault = error.code == ErrorCode::engine_failed ? Fault::server : Fault::request;
    CallError out;
    out.fault = fault;
    out.code = to_string(error.code);
    out.message = error.message;
    return out;
}

/// Half of the workers have no such route, and say it with a 404.
CallError no_embeddings(CallError error) {
    if (error.fault != Fault::model) return error;
    error.code = to_string(ErrorCode::invalid_argument);
    error.message = "the model's worker makes no embeddings";
    return error;
}

std::string server_key(const UpstreamSpec& spec) {
    return spec.tenant.name + '\n' + spec.name + '\n';
}

std::string model_body(std::string_view model) {
    std::string body = "{\"model\":";
    append_json_string(body, model);
    return body + '}';
}

std::vector<std::string> texts_of(const catalog::Values& input) {
    std::vector<std::string> out;
    const auto* value = input.find("text");
    const auto* list = value == nullptr ? nullptr : value->get<catalog::Value::List>();
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        if (const auto* text = (*list)[i].get<std::string>()) out.push_back(*text);
    }
    return out;
}

std::string embedding_body(std::string_view model, std::span<const std::string> texts) {
    auto body = model_body(model);
    body.pop_back();
    body += ",\"encoding_format\":\"base64\",\"input\":[";
    for (const auto& text : texts) {
        if (body.back() != '[') body += ',';
        append_json_string(body, text);
    }
    return body + "]}";
}

const json::value* member_of(const json::object& from, std::string_view name) {
    const auto* member = from.if_contains(name);
    return member == nullptr || member->is_null() ? nullptr : member;
}

}  // namespace

asio::awaitable<CallResult<json::object>> ask_worker(Line& line, std::string path, std::string body,
                                                     std::size_t most_bytes,
                                                     std::chrono::milliseconds within) {
    OutRequest request;
    request.path = std::move(path);
    request.body = std::move(body);
    request.first_byte = within;
    auto answer = co_await line.connections.open(std::move(request), line.abort);
    if (!answer) co_return call_failed(std::move(answer).error());
    if (auto error = status_error(answer->status(), retry_after(answer->headers()))) {
        co_return call_failed(std::move(*error));
    }
    auto bytes = co_await answer->read_all(most_bytes);
    if (!bytes) co_return call_failed(std::move(bytes).error());
    auto parsed = parse_json_object(*bytes);
    if (!parsed) {
        co_return call_failed(Fault::server, "engine_failed",
                              "the worker's answer is broken: " + parsed.error().message);
    }
    co_return std::move(*parsed);
}

Result<catalog::Interface> FastchatDialer::interface_of(catalog::Profile profile) const {
    if (profile == catalog::Profile::chat) return catalog::interface_from_json(kInterface);
    if (profile == catalog::Profile::embed) {
        return catalog::interface_from_json(R"({"profile":"embed",
"inputs":{"text":{"kind":"text","count":"1..2048"}},
"outputs":{"embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1]}},
"meters":{"prompt_tokens":{"unit":"token"}}})");
    }
    return fail(ErrorCode::invalid_argument, "FastChat's workers have no route for the profile " +
                                                 std::string(catalog::to_string(profile)));
}

void FastchatDialer::forget(const UpstreamSpec& spec) {
    const auto key = server_key(spec);
    auto at = facts_.lower_bound(key);
    while (at != facts_.end() && at->first.starts_with(key)) at = facts_.erase(at);
}

asio::awaitable<CallResult<ProbeAnswer>> FastchatDialer::probe(Line& line) {
    auto status = co_await ask_worker(line, "/worker_get_status", "{}", kMostShort, kShortTime);
    if (!status) co_return call_failed(std::move(status).error());
    ProbeAnswer out;
    const auto* names = member_of(*status, "model_names");
    if (names == nullptr || !names->is_array()) {
        co_return call_failed(Fault::server, "engine_failed", "the worker names no models");
    }
    for (const auto& name : names->get_array()) {
        if (name.is_string()) out.models.emplace_back(name.get_string());
    }
    const auto* queue = member_of(*status, "queue_length");
    if (queue != nullptr && queue->is_number()) out.load = queue->to_number<double>();
    co_return out;
}

asio::awaitable<CallResult<FastchatDialer::FactsPtr>> FastchatDialer::facts_of(Line& line,
                                                                               std::string model) {
    const auto key = server_key(*line.upstream) + model;
    if (const auto kept = facts_.find(key); kept != facts_.end()) co_return kept->second;
    auto facts = std::make_shared<Facts>();
    const auto named = line.upstream->option("conv_template");
    if (!named.empty()) {
        const auto* known = known_prompt_template(named);
        if (known == nullptr) {
            co_return call_failed(Fault::server, "engine_failed",
                                  "the server's option conv_template names no known template");
        }
        facts->form = *known;
    } else {
        auto answer = co_await ask_worker(line, "/worker_get_conv_template", model_body(model),
                                          kMostShort, kShortTime);
        if (!answer) co_return call_failed(std::move(answer).error());
        const auto* conv = member_of(*answer, "conv");
        if (conv == nullptr || !conv->is_object()) {
            co_return call_failed(Fault::server, "engine_failed", "the worker has no template");
        }
        std::optional<Numbering> numbering;
        const auto said = line.upstream->option("sep_style");
        if (said == "released") numbering = Numbering::released;
        if (said == "head") numbering = Numbering::head;
        auto form = read_prompt_template(conv->get_object(), numbering);
        if (!form) co_return call_failed(of_error(form.error()));
        facts->form = std::move(*form);
    }
    auto details =
        co_await ask_worker(line, "/model_details", model_body(model), kMostShort, kShortTime);
    if (!details) co_return call_failed(std::move(details).error());
    const auto* length = member_of(*details, "context_length");
    if (length != nullptr && length->is_int64() && length->get_int64() > 0) {
        facts->context = static_cast<std::uint64_t>(length->get_int64());
    }
    facts_[key] = facts;
    co_return facts;
}

asio::awaitable<CallResult<std::uint64_t>> FastchatDialer::count_tokens(Line& line,
                                                                        std::string model,
                                                                        std::string text) {
    auto body = model_body(model);
    body.pop_back();
    body += ",\"prompt\":";
    append_json_string(body, text);
    body += '}';
    auto answer =
        co_await ask_worker(line, "/count_token", std::move(body), kMostShort, kShortTime);
    if (!answer) co_return call_failed(std::move(answer).error());
    const auto* code = member_of(*answer, "error_code");
    if (code != nullptr && code->is_int64() && code->get_int64() != 0) {
        co_return call_failed(worker_error(code->get_int64(), "the worker could not count tokens"));
    }
    const auto* count = member_of(*answer, "count");
    if (count == nullptr || !count->is_int64() || count->get_int64() < 0) {
        co_return call_failed(Fault::server, "engine_failed", "the worker counts no tokens");
    }
    co_return static_cast<std::uint64_t>(count->get_int64());
}

asio::awaitable<CallResult<CallAnswer>> FastchatDialer::call(Line& line, const Call& call,
                                                             CallSink& sink) {
    if (!texts_of(call.input).empty()) return embed(line, call);
    return generate(line, call, sink);
}

asio::awaitable<CallResult<CallAnswer>> FastchatDialer::embed(Line& line, const Call& call) {
    const auto texts = texts_of(call.input);
    catalog::Tensor tensor;
    std::size_t width = 0;  // bytes of one row
    CallAnswer out;
    for (std::size_t at = 0; at < texts.size(); at += kEmbeddingBatch) {
        const auto batch =
            std::span(texts).subspan(at, std::min(kEmbeddingBatch, texts.size() - at));
        auto body = embedding_body(call.model.remote_name(), batch);
        auto answer = co_await ask_worker(line, "/worker_get_embeddings", std::move(body),
                                          kMostRows, kAsServerSays);
        if (!answer) co_return call_failed(no_embeddings(std::move(answer).error()));
        auto rows = read_embeddings(*answer, batch.size());
        if (!rows) co_return call_failed(std::move(rows).error());
        if (at == 0) width = rows->rows.front().size();
        if (rows->rows.front().size() != width) {
            co_return call_failed(Fault::server, "engine_failed",
                                  "the worker's embeddings are of different lengths");
        }
        for (const auto& row : rows->rows) tensor.data += row;
        if (rows->tokens) out.tokens.prompt = out.tokens.prompt.value_or(0) + *rows->tokens;
    }
    tensor.shape = {static_cast<std::int64_t>(texts.size()),
                    static_cast<std::int64_t>(width / sizeof(float))};
    out.output.set("embeddings", std::move(tensor));
    if (call.model.profile == catalog::Profile::chat) out.output.set("text", std::string());
    co_return out;
}

}  // namespace headrace::upstreams
