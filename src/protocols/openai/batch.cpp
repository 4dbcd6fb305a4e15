#include "protocols/openai/batch.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "protocols/openai/chat_answer.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/completion_answer.hpp"
#include "protocols/openai/completion_request.hpp"
#include "protocols/openai/embedding.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/response_answer.hpp"
#include "protocols/openai/response_request.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::size_t kMostErrors = 50;
constexpr std::string_view kResponses = "/v1/responses";
constexpr std::array<std::string_view, 4> kEndpoints{"/v1/chat/completions", "/v1/completions",
                                                     "/v1/embeddings", kResponses};

using Records = std::vector<std::shared_ptr<const jobs::JobRecord>>;

void append_text(std::string& out, std::string_view name, std::string_view value) {
    out += ",\"";
    out += name;
    out += "\":";
    if (value.empty()) {
        out += "null";
    } else {
        append_json_string(out, value);
    }
}

void append_time(std::string& out, std::string_view name, std::int64_t value) {
    out += ",\"";
    out += name;
    out += "\":";
    out += value > 0 ? std::to_string(value) : "null";
}

std::string text_in(const json::object& tree, std::string_view name) {
    const auto* value = tree.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::int64_t number_in(const json::object& tree, std::string_view name) {
    const auto* value = tree.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

void append_errors(std::string& out, const std::vector<BatchError>& errors) {
    out += '[';
    for (const auto& error : errors) {
        if (out.back() != '[') out += ',';
        out += "{\"code\":";
        append_json_string(out, error.code);
        out += ",\"line\":" + (error.line > 0 ? std::to_string(error.line) : "null");
        out += ",\"message\":";
        append_json_string(out, error.message);
        out += ",\"param\":null}";
    }
    out += ']';
}

AnswerFacts facts_of(const Records& records, std::string_view prefix, std::int64_t created,
                     const std::string& model) {
    AnswerFacts facts;
    facts.id = std::string(prefix) + hex_of(records.front()->id);
    facts.created = created;
    facts.model = model;
    return facts;
}

Result<LinePlan> plan_chat(json::object body, const catalog::Version& version, const ChatHead& head,
                           std::int64_t created) {
    const std::string model(head.model);
    auto input = read_chat_input(std::move(body), *version.validator, head.choices);
    if (!input) return fail(std::move(input).error());
    LinePlan plan;
    plan.inputs = std::move(input->choices);
    const bool legacy = input->legacy_functions;
    const bool logprobs = input->logprobs;
    plan.answer = [model, created, legacy, logprobs](std::vector<catalog::Values> outputs,
                                                     const Records& records) {
        auto facts = facts_of(records, "chatcmpl-", created, model);
        facts.legacy_functions = legacy;
        facts.logprobs = logprobs;
        std::vector<ChatOutput> choices;
        RunTokens tokens(static_cast<std::uint32_t>(records.size()));
        for (std::size_t i = 0; i < records.size(); ++i) {
            choices.push_back(chat_output(std::move(outputs[i]), hex_of(records[i]->id)));
            tokens.add(static_cast<std::uint32_t>(i), tokens_of(records[i]->usage));
        }
        return Result<LineAnswer>({200, chat_completion(facts, choices, tokens.total())});
    };
    return plan;
}

Result<LinePlan> plan_completion(json::object body, const catalog::Version& version,
                                 const ChatHead& head, std::int64_t created) {
    const std::string model(head.model);
    const auto per_prompt = head.choices;
    auto input = read_completion_input(std::move(body), *version.validator, per_prompt);
    if (!input) return fail(std::move(input).error());
    LinePlan plan;
    plan.inputs = std::move(input->runs);
    const bool logprobs = input->logprobs;
    plan.answer = [model, created, logprobs, per_prompt](std::vector<catalog::Values> outputs,
                                                         const Records& records) {
        auto facts = facts_of(records, "cmpl-", created, model);
        facts.logprobs = logprobs;
        std::vector<ChatOutput> choices;
        RunTokens tokens(per_prompt);
        for (std::size_t i = 0; i < records.size(); ++i) {
            choices.push_back(chat_output(std::move(outputs[i]), hex_of(records[i]->id)));
            tokens.add(static_cast<std::uint32_t>(i), tokens_of(records[i]->usage));
        }
        return Result<LineAnswer>({200, text_completion(facts, choices, tokens.total())});
    };
    return plan;
}

Result<LinePlan> plan_embeddings(const json::object& body, const catalog::Version& version,
                                 const std::string& model) {
    auto input = read_embedding_input(body, *version.validator);
    if (!input) return fail(std::move(input).error());
    LinePlan plan;
    plan.inputs = std::move(input->runs);
    const bool base64 = input->base64;
    plan.answer = [model, base64](std::vector<catalog::Values> outputs,
                                  const Records& records) -> Result<LineAnswer> {
        std::string out;
        std::size_t index = 0;
        std::uint64_t tokens = 0;
        for (std::size_t i = 0; i < records.size(); ++i) {
            tokens += tokens_of(records[i]->usage).prompt;
            auto appended = append_embeddings(out, outputs[i], base64, index);
            if (!appended) return fail(std::move(appended).error());
        }
        return LineAnswer{200, embedding_list(out, model, tokens)};
    };
    return plan;
}

/// The answer stands in the output file and nowhere else: nothing of it can be asked for later.
Result<LinePlan> plan_response(json::object body, const catalog::Version& version,
                               std::int64_t created) {
    const auto background = read_bool(body, "background");
    if (!background) return fail(background.error());
    if (background->value_or(false)) return fail(unsupported_field("background"));
    if (const auto store = read_bool(body, "store"); !store) return fail(store.error());
    body["store"] = false;
    auto request = read_response_request(std::move(body), "msg_batch");
    if (!request) return fail(std::move(request).error());
    if (!request->previous.empty()) return fail(unsupported_field("previous_response_id"));
    auto messages = response_messages(request->instructions, request->items);
    if (!messages) return fail(std::move(messages).error());
    request->chat["messages"] = std::move(*messages);
    auto input = read_chat_input(std::move(request->chat), *version.validator, 1);
    if (!input) return fail(in_response_words(std::move(input).error()));
    ResponseFacts facts;
    facts.created = created;
    facts.model = std::move(request->model);
    facts.echo = std::move(request->echo);
    facts.logprobs = request->logprobs;
    LinePlan plan;
    plan.inputs = std::move(input->choices);
    plan.answer = [facts = std::move(facts)](std::vector<catalog::Values> outputs,
                                             const Records& records) {
        auto own = facts;
        const auto id = hex_of(records.front()->id);
        own.id = "resp_" + id;
        auto text = response_object(own, chat_output(std::move(outputs.front()), id),
                                    tokens_of(records.front()->usage));
        return Result<LineAnswer>({200, std::move(text)});
    };
    return plan;
}

LinePlan plan_verbatim(const json::object& body, std::string_view endpoint) {
    std::string text;
    append_json(text, body);
    LinePlan plan;
    plan.inputs.push_back(verbatim_input(std::move(text), endpoint.substr(4)));
    plan.answer = [](std::vector<catalog::Values> outputs, const Records&) {
        auto response = verbatim_response(outputs.front());
        return Result<LineAnswer>({response.status, std::move(response.body)});
    };
    return plan;
}

}  // namespace

bool is_batch_endpoint(std::string_view endpoint) {
    return std::find(kEndpoints.begin(), kEndpoints.end(), endpoint) != kEndpoints.end();
}

std::string batch_object(const BatchFacts& facts, const BatchState& state) {
    std::string out = "{\"id\":";
    append_json_string(out, facts.id);
    out += ",\"object\":\"batch\"";
    append_text(out, "endpoint", facts.endpoint);
    out += ",\"errors\":";
    if (state.errors.empty()) {
        out += "null";
    } else {
        out += "{\"object\":\"list\",\"data\":";
        append_errors(out, state.errors);
        out += '}';
    }
    append_text(out, "input_file_id", facts.input_file);
    append_text(out, "completion_window", "24h");
    append_text(out, "status", state.status);
    append_text(out, "output_file_id", state.output_file);
    append_text(out, "error_file_id", state.error_file);
    append_time(out, "created_at", facts.created);
    append_time(out, "in_progress_at", state.begun);
    append_time(out, "expires_at", facts.expires);
    for (const std::string_view end : {"completed", "failed", "expired", "cancelled"}) {
        append_time(out, std::string(end) + "_at", state.status == end ? state.ended : 0);
    }
    out += ",\"request_counts\":{\"total\":" + std::to_string(state.total) +
           ",\"completed\":" + std::to_string(state.completed) +
           ",\"failed\":" + std::to_string(state.failed) + "},\"metadata\":" + facts.metadata + '}';
    return out;
}

std::string facts_text(const BatchFacts& facts) {
    std::string out = "{\"created\":" + std::to_string(facts.created) +
                      ",\"expires\":" + std::to_string(facts.expires);
    append_text(out, "endpoint", facts.endpoint);
    append_text(out, "input_file", facts.input_file);
    out += ",\"metadata\":" + facts.metadata + '}';
    return out;
}

BatchFacts facts_from(const json::object& tree, std::string id) {
    BatchFacts facts;
    facts.id = std::move(id);
    facts.created = number_in(tree, "created");
    facts.expires = number_in(tree, "expires");
    facts.endpoint = text_in(tree, "endpoint");
    facts.input_file = text_in(tree, "input_file");
    if (const auto* metadata = tree.if_contains("metadata")) {
        facts.metadata.clear();
        append_json(facts.metadata, *metadata);
    }
    return facts;
}

std::string state_text(const BatchState& state) {
    std::string out = "{\"total\":" + std::to_string(state.total) +
                      ",\"completed\":" + std::to_string(state.completed) +
                      ",\"failed\":" + std::to_string(state.failed) +
                      ",\"begun\":" + std::to_string(state.begun) +
                      ",\"ended\":" + std::to_string(state.ended);
    append_text(out, "status", state.status);
    append_text(out, "output_file", state.output_file);
    append_text(out, "error_file", state.error_file);
    out += ",\"errors\":";
    append_errors(out, state.errors);
    out += '}';
    return out;
}

BatchState state_from(const json::object& tree) {
    BatchState state;
    state.status = text_in(tree, "status");
    state.total = static_cast<std::uint64_t>(number_in(tree, "total"));
    state.completed = static_cast<std::uint64_t>(number_in(tree, "completed"));
    state.failed = static_cast<std::uint64_t>(number_in(tree, "failed"));
    state.begun = number_in(tree, "begun");
    state.ended = number_in(tree, "ended");
    state.output_file = text_in(tree, "output_file");
    state.error_file = text_in(tree, "error_file");
    const auto* errors = tree.if_contains("errors");
    if (errors == nullptr || !errors->is_array()) return state;
    for (const auto& each : errors->get_array()) {
        if (!each.is_object()) continue;
        const auto& object = each.get_object();
        state.errors.push_back({static_cast<std::size_t>(number_in(object, "line")),
                                text_in(object, "code"), text_in(object, "message")});
    }
    return state;
}

Result<BatchLine> read_batch_line(std::string_view text, std::string_view endpoint) {
    auto tree = parse_json_object(text);
    if (!tree) return fail(bad_field({}, "invalid_json_line", "This line is not a JSON object."));
    BatchLine line;
    line.custom_id = text_in(*tree, "custom_id");
    if (line.custom_id.empty()) return fail(missing_field("custom_id"));
    if (text_in(*tree, "method") != "POST") {
        return fail(bad_field("method", "invalid_method", "The method must be POST."));
    }
    if (text_in(*tree, "url") != endpoint) {
        return fail(
            bad_field("url", "mismatched_url", "The url must be the endpoint of the batch."));
    }
    auto* body = tree->if_contains("body");
    if (body == nullptr || !body->is_object()) return fail(missing_field("body"));
    line.body = std::move(body->get_object());
    return line;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") != std::string_view::npos) lines.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::vector<BatchError> check_batch(const std::vector<std::string_view>& lines,
                                    std::string_view endpoint) {
    if (lines.empty()) return {{0, "empty_file", "The input file has no lines."}};
    if (lines.size() > kMostLines) {
        return {
            {0, "too_many_tasks", "A batch has at most " + std::to_string(kMostLines) + " lines."}};
    }
    std::vector<BatchError> errors;
    std::set<std::string> names;
    for (std::size_t i = 0; i < lines.size() && errors.size() < kMostErrors; ++i) {
        auto line = read_batch_line(lines[i], endpoint);
        if (!line) {
            errors.push_back({i + 1, line.error().violations.front().rule, line.error().message});
        } else if (!names.insert(std::move(line->custom_id)).second) {
            errors.push_back({i + 1, "duplicate_custom_id", "This custom_id was used before."});
        }
    }
    return errors;
}

Result<LinePlan> plan_line(std::string_view endpoint, json::object body,
                           const catalog::Version& version, std::int64_t created) {
    const auto head = read_chat_head(body);
    if (!head) return fail(head.error());
    if (head->stream) return fail(unsupported_field("stream"));
    // Of models that take whole requests, too: few servers behind them have this route.
    if (endpoint == kResponses) return plan_response(std::move(body), version, created);
    if (takes_verbatim(version.interface())) return plan_verbatim(body, endpoint);
    if (endpoint == "/v1/embeddings") {
        return plan_embeddings(body, version, std::string(head->model));
    }
    if (endpoint == "/v1/completions") {
        return plan_completion(std::move(body), version, *head, created);
    }
    return plan_chat(std::move(body), version, *head, created);
}

std::string answer_line(std::string_view id, std::string_view custom_id, int status,
                        std::string_view body) {
    std::string out = "{\"id\":";
    append_json_string(out, id);
    append_text(out, "custom_id", custom_id);
    out += ",\"response\":{\"status_code\":" + std::to_string(status) + ",\"request_id\":";
    append_json_string(out, id);
    out += ",\"body\":";
    out += body.empty() ? "null" : body;
    out += "},\"error\":null}\n";
    return out;
}

}  // namespace headrace::protocols::openai
