#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat_template.hpp"
#include "headrace/engine.h"
#include "problem.hpp"
#include "sampler.hpp"

namespace headrace::llama {

/// The inputs of a `chat` job (chat/engine.toml), read and checked.
struct ChatRequest {
    std::vector<Message> messages;
    Sampling sampling;
    std::vector<std::string> stops;
    std::optional<std::size_t> max_tokens;
    std::string grammar;                      // GBNF of the response format; empty = free text
    std::optional<std::size_t> top_logprobs;  // empty: none are wanted
};

Result<ChatRequest> read_chat_request(const hr_host& host, hr_job* job);

/// The text with a zero-width space inside of every word that the model takes for a control token,
/// so that what a user writes cannot pretend to be the system or the assistant.
std::string without_control_words(std::string text, const std::vector<std::string>& words);

}  // namespace headrace::llama
