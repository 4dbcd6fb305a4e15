#include "upstreams/fastchat_worker.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/digest.hpp"

namespace headrace::upstreams {
namespace {

/// What an answer may have where neither the caller nor the worker says how long it may be.
constexpr std::uint64_t kTokensUnbounded = 2'048;
/// Tokens that a tokenizer adds to a prompt of its own.
constexpr std::uint64_t kAddedTokens = 8;
constexpr std::size_t kMostExtra = 32;
/// Members of a worker's request that are ours.
constexpr std::array<std::string_view, 17> kOurs = {"model",
                                                    "prompt",
                                                    "temperature",
                                                    "logprobs",
                                                    "top_p",
                                                    "top_k",
                                                    "presence_penalty",
                                                    "frequency_penalty",
                                                    "max_new_tokens",
                                                    "echo",
                                                    "stop_token_ids",
                                                    "stop",
                                                    "images",
                                                    "repetition_penalty",
                                                    "request",
                                                    "request_id",
                                                    "seed"};

std::optional<double> number_of(const catalog::Values& input, std::string_view name) {
    const auto* value = input.find(name);
    if (value == nullptr) return std::nullopt;
    if (const auto* number = value->get<double>()) return *number;
    if (const auto* number = value->get<std::int64_t>()) return static_cast<double>(*number);
    return std::nullopt;
}

std::optional<std::int64_t> whole_of(const catalog::Values& input, std::string_view name) {
    const auto* value = input.find(name);
    const auto* number = value == nullptr ? nullptr : value->get<std::int64_t>();
    return number == nullptr ? std::nullopt : std::optional(*number);
}

bool flag_of(const catalog::Values& input, std::string_view name) {
    const auto* value = input.find(name);
    const auto* flag = value == nullptr ? nullptr : value->get<bool>();
    return flag != nullptr && *flag;
}

tl::unexpected<CallError> refuse(std::string message) {
    return call_failed(Fault::request, "invalid_argument", std::move(message));
}

void append_number(std::string& out, double value) {
    append_json(out, json::value(value));
}

template <class List>
void append_list(std::string& out, const List& list) {
    out += '[';
    for (const auto& item : list) {
        if (out.back() != '[') out += ',';
        append_json(out, json::value(item));
    }
    out += ']';
}

std::string float_row(const json::array& numbers) {
    std::string row;
    row.reserve(numbers.size() * sizeof(float));
    for (const auto& number : numbers) {
        float value = 0;
        if (number.is_double()) value = static_cast<float>(number.get_double());
        if (number.is_int64()) value = static_cast<float>(number.get_int64());
        const auto bytes = std::bit_cast<std::array<char, sizeof(float)>>(value);
        row.append(bytes.data(), bytes.size());
    }
    return row;
}

CallError of_worker(Fault fault, ErrorCode code, std::string text) {
    if (text.empty()) text = "the worker failed and does not say why";
    CallError out;
    out.fault = fault;
    out.code = to_string(code);
    out.message = std::move(text);
    return out;
}

}  // namespace

CallError worker_error(std::int64_t code, std::string text) {
    switch (code) {
        case 40001:  // validation
        case 40302:  // a parameter's range
            return of_worker(Fault::request, ErrorCode::invalid_argument, std::move(text));
        case 40303: {
            auto error = of_worker(Fault::request, ErrorCode::invalid_argument, std::move(text));
            error.code = "context_exceeded";
            return error;
        }
        case 40301:
            return of_worker(Fault::model, ErrorCode::not_found, std::move(text));
        case 40101:
        case 40102:
        case 40103:
            return of_worker(Fault::credentials, ErrorCode::unavailable, std::move(text));
        case 42901:
        case 42902:
            return of_worker(Fault::busy, ErrorCode::quota_exceeded, std::move(text));
        case 42903:
        case 50005:
            return of_worker(Fault::busy, ErrorCode::unavailable, std::move(text));
        case 50006:
            return of_worker(Fault::server, ErrorCode::deadline_exceeded, std::move(text));
        default:
            // A worker says 50001 also of a request that it cannot take; counted against it, a
            // caller could shut every worker out.
            return of_worker(Fault::model, ErrorCode::engine_failed, std::move(text));
    }
}

std::optional<CallError> status_error(int status, int retry) {
    if (status == 200) return std::nullopt;
    auto error = of_worker(Fault::server, ErrorCode::engine_failed,
                           "the worker answered with status " + std::to_string(status));
    error.retry_after_s = retry;
    if (status == 404) {
        error.fault = Fault::model;
        error.code = to_string(ErrorCode::not_found);
    } else if (status == 401 || status == 403) {
        error.fault = Fault::credentials;
        error.code = to_string(ErrorCode::unavailable);
    } else if (status == 429 || status == 503) {
        error.fault = Fault::busy;
        error.code = to_string(ErrorCode::unavailable);
    }
    return error;
}

CallResult<Generation> read_generation(const catalog::Values& input) {
    Generation out;
    out.temperature = number_of(input, "temperature").value_or(out.temperature);
    out.top_p = number_of(input, "top_p").value_or(out.top_p);
    out.top_k = whole_of(input, "top_k").value_or(out.top_k);
    if (out.top_k == 0) out.top_k = -1;
    out.presence_penalty = number_of(input, "presence_penalty").value_or(0);
    out.frequency_penalty = number_of(input, "frequency_penalty").value_or(0);
    out.repetition_penalty = number_of(input, "repeat_penalty");
    out.max_tokens = whole_of(input, "max_tokens");
    out.seed = whole_of(input, "seed");
    out.echo = flag_of(input, "echo");
    if (flag_of(input, "logprobs")) {
        out.logprobs = std::max<std::int64_t>(whole_of(input, "top_logprobs").value_or(0), 1);
    }
    if (const auto* stop = input.find("stop")) {
        if (const auto* list = stop->get<catalog::Value::List>()) {
            for (const auto& item : *list) {
                if (const auto* text = item.get<std::string>()) out.stop.push_back(*text);
            }
        }
    }
    if (const auto* format = input.find("response_format");
        format && format->get<catalog::Json>()) {
        const auto parsed = parse_json_object(format->get<catalog::Json>()->text);
        const auto* type = parsed ? parsed->if_contains("type") : nullptr;
        if (type == nullptr || !type->is_string()) return refuse("response_format has no type");
        if (type->get_string() != "text") {
            return refuse("a FastChat worker cannot hold its answer to a response_format");
        }
    }
    if (const auto* extra = input.find("extra"); extra && extra->get<catalog::Json>()) {
        auto parsed = parse_json_object(extra->get<catalog::Json>()->text);
        if (!parsed) return refuse("extra is no JSON object");
        for (const auto name : kOurs) parsed->erase(name);
        if (parsed->size() > kMostExtra) return refuse("extra has too many members");
        out.extra = std::move(*parsed);
    }
    return out;
}

std::string generation_body(const Generation& ask, const PromptTemplate& form,
                            std::string_view model, std::string_view prompt,
                            const std::vector<std::string>& images, std::uint64_t max_new_tokens) {
    std::string out;
    out.reserve(512 + prompt.size() + prompt.size() / 8);
    out += "{\"model\":";
    append_json_string(out, model);
    out += ",\"prompt\":";
    append_json_string(out, prompt);
    const auto number = [&out](std::string_view name, double value) {
        out.append(",\"").append(name).append("\":");
        append_number(out, value);
    };
    number("temperature", ask.temperature);
    number("top_p", ask.top_p);
    number("presence_penalty", ask.presence_penalty);
    number("frequency_penalty", ask.frequency_penalty);
    if (ask.repetition_penalty) number("repetition_penalty", *ask.repetition_penalty);
    out += ",\"top_k\":" + std::to_string(ask.top_k);
    out += ",\"max_new_tokens\":" + std::to_string(max_new_tokens);
    out += ask.echo ? ",\"echo\":true" : ",\"echo\":false";
    out += ",\"logprobs\":" + (ask.logprobs ? std::to_string(*ask.logprobs) : "null");
    if (ask.seed) out += ",\"seed\":" + std::to_string(*ask.seed);
    auto stop = ask.stop;
    for (const auto& text : form.stop) {
        if (std::find(stop.begin(), stop.end(), text) == stop.end()) stop.push_back(text);
    }
    out += ",\"stop\":";
    append_list(out, stop);
    out += ",\"stop_token_ids\":";
    if (form.stop_token_ids.empty()) {
        out += "null";
    } else {
        append_list(out, form.stop_token_ids);
    }
    if (!images.empty()) {
        out += ",\"images\":";
        append_list(out, images);
    }
    for (const auto& [name, value] : ask.extra) {
        out += ',';
        append_json_string(out, name);
        out += ':';
        append_json(out, value);
    }
    out += '}';
    return out;
}

std::optional<std::uint64_t> bound_by_bytes(std::size_t prompt_bytes, std::uint64_t context,
                                            std::optional<std::int64_t> max_tokens) {
    if (context == 0) {
        return max_tokens ? static_cast<std::uint64_t>(std::max<std::int64_t>(*max_tokens, 1))
                          : kTokensUnbounded;
    }
    const std::uint64_t most = prompt_bytes + kAddedTokens;
    if (max_tokens && *max_tokens > 0) {
        const auto wanted = static_cast<std::uint64_t>(*max_tokens);
        if (wanted < context && most < context - wanted) return wanted;
        return std::nullopt;
    }
    // Without a wish the answer may fill the context; what the bound is too low is at most this
    // share of it.
    constexpr std::uint64_t kShare = 16;
    if (most < context / kShare) return context - most - 1;
    return std::nullopt;
}

CallResult<std::uint64_t> bound_by_count(std::uint64_t prompt_tokens, std::uint64_t context,
                                         std::optional<std::int64_t> max_tokens) {
    if (prompt_tokens >= context) {
        return call_failed(Fault::request, "context_exceeded",
                           "the messages have " + std::to_string(prompt_tokens) +
                               " tokens, and the model's context is " + std::to_string(context));
    }
    // model_worker cuts the prompt's first token off when the answer may fill the context.
    const auto left = std::max<std::uint64_t>(context - prompt_tokens, 2) - 1;
    if (!max_tokens || *max_tokens <= 0) return left;
    return std::min(left, static_cast<std::uint64_t>(*max_tokens));
}

std::string canonical_logprobs(const json::object& logprobs) {
    const auto list = [&](std::string_view name) -> const json::array* {
        const auto* member = logprobs.if_contains(name);
        return member == nullptr ? nullptr : member->if_array();
    };
    const auto* tokens = list("tokens");
    const auto* values = list("token_logprobs");
    const auto* tops = list("top_logprobs");
    std::string out = "[";
    for (std::size_t i = 0; tokens != nullptr && i < tokens->size(); ++i) {
        const auto* token = (*tokens)[i].if_string();
        if (token == nullptr) continue;
        if (out.size() > 1) out += ',';
        out += "{\"token\":";
        append_json_string(out, std::string_view(*token));
        out += ",\"logprob\":";
        const bool known = values != nullptr && i < values->size() && (*values)[i].is_number();
        append_json(out, known ? (*values)[i] : json::value(nullptr));
        out += ",\"top\":[";
        const auto* top = tops != nullptr && i < tops->size() ? (*tops)[i].if_object() : nullptr;
        bool first = true;
        for (const auto& [word, value] : top == nullptr ? json::object() : *top) {
            if (!value.is_number()) continue;
            if (!std::exchange(first, false)) out += ',';
            out += "{\"token\":";
            append_json_string(out, word);
            out += ",\"logprob\":";
            append_json(out, value);
            out += '}';
        }
        out += "]}";
    }
    return out + ']';
}

CallResult<WorkerEmbeddings> read_embeddings(const json::object& answer, std::size_t asked) {
    const auto broken = [](std::string_view what) {
        return call_failed(Fault::server, "engine_failed",
                           "the worker's embeddings are broken: " + std::string(what));
    };
    if (const auto* code = answer.if_contains("error_code");
        code != nullptr && code->is_int64() && code->get_int64() != 0) {
        const auto* text = answer.if_contains("text");
        return call_failed(worker_error(code->get_int64(), text != nullptr && text->is_string()
                                                               ? std::string(text->get_string())
                                                               : ""));
    }
    const auto* member = answer.if_contains("embedding");
    const auto* rows = member == nullptr ? nullptr : member->if_array();
    if (rows == nullptr || rows->size() != asked) return broken("not one for each text");
    WorkerEmbeddings out;
    for (const auto& row : *rows) {
        if (const auto* numbers = row.if_array()) {
            out.rows.push_back(float_row(*numbers));
        } else if (const auto* text = row.if_string()) {
            auto bytes = from_base64(std::string_view(*text));
            if (!bytes) return broken("no base64");
            out.rows.push_back(std::move(*bytes));
        } else {
            return broken("neither numbers nor base64");
        }
        const auto size = out.rows.back().size();
        if (size == 0 || size % sizeof(float) != 0 || size != out.rows.front().size()) {
            return broken("of different lengths");
        }
    }
    const auto* tokens = answer.if_contains("token_num");
    if (tokens != nullptr && tokens->is_int64() && tokens->get_int64() >= 0) {
        out.tokens = static_cast<std::uint64_t>(tokens->get_int64());
    }
    return out;
}

}  // namespace headrace::upstreams
