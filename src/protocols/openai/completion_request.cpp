#include "protocols/openai/completion_request.hpp"

#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/model_call.hpp"

namespace headrace::protocols::openai {
namespace {

/// A text or a list of texts. Token numbers mean nothing without the model's own vocabulary.
Result<std::vector<std::string>> prompts_of(const json::object& body) {
    const auto* prompt = member(body, "prompt");
    if (prompt == nullptr) return fail(missing_field("prompt"));
    std::vector<std::string> prompts;
    if (const auto* text = prompt->if_string()) {
        prompts.emplace_back(*text);
        return prompts;
    }
    const auto* list = prompt->if_array();
    if (list == nullptr || list->empty()) {
        return fail(wrong_type("prompt", "a string or an array of strings"));
    }
    for (const auto& each : *list) {
        const auto* text = each.if_string();
        if (text == nullptr) {
            return fail(bad_field("prompt", code::kUnsupported,
                                  "Unsupported value for 'prompt': this model takes text, not "
                                  "token numbers."));
        }
        prompts.emplace_back(*text);
    }
    return prompts;
}

Result<void> refuse_what_no_chat_gives(const json::object& body, std::uint32_t choices) {
    const auto echo = read_bool(body, "echo");
    if (!echo) return fail(echo.error());
    if (echo->value_or(false)) return fail(unsupported_field("echo"));
    const auto suffix = read_text(body, "suffix");
    if (!suffix) return fail(suffix.error());
    if (!suffix->value_or("").empty()) return fail(unsupported_field("suffix"));
    const auto best_of = read_integer(body, "best_of", 0);
    if (!best_of) return fail(best_of.error());
    if (best_of->value_or(0) > choices) return fail(unsupported_field("best_of"));
    return {};
}

/// The number of alternatives is one field here and two in a chat.
Result<bool> take_logprobs(json::object& body) {
    const auto count = read_integer(body, "logprobs", 0, 20);
    if (!count) return fail(count.error());
    body.erase("logprobs");
    body.erase("top_logprobs");
    if (!*count) return false;
    body["logprobs"] = true;
    if (**count > 0) body["top_logprobs"] = **count;
    return true;
}

json::array as_message(const std::string& prompt) {
    json::object message;
    message["role"] = "user";
    message["content"] = prompt;
    return json::array{std::move(message)};
}

}  // namespace

Result<CompletionInput> read_completion_input(json::object body,
                                              const catalog::Validator& validator,
                                              std::uint32_t choices) {
    const auto prompts = prompts_of(body);
    if (!prompts) return fail(prompts.error());
    if (prompts->size() * choices > kMostRuns) {
        return fail(bad_field(
            "prompt", code::kInvalid,
            "Invalid 'prompt': at most " + std::to_string(kMostRuns) + " answers in one request."));
    }
    if (auto able = refuse_what_no_chat_gives(body, choices); !able) return fail(able.error());
    const auto logprobs = take_logprobs(body);
    if (!logprobs) return fail(logprobs.error());
    CompletionInput result;
    result.logprobs = *logprobs;
    const bool raw = has_parameter(validator.interface(), "prompt");
    for (const std::string_view name : {"prompt", "messages", "echo", "suffix", "best_of"}) {
        body.erase(name);
    }
    for (const auto& prompt : *prompts) {
        json::object one = body;
        if (raw) {
            one["prompt"] = prompt;
        } else {
            one["messages"] = as_message(prompt);
        }
        auto input = read_chat_input(std::move(one), validator, choices);
        if (!input) return fail(std::move(input).error());
        for (auto& run : input->choices) result.runs.push_back(std::move(run));
    }
    return result;
}

}  // namespace headrace::protocols::openai
