#pragma once

#include <string>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/values.hpp"
#include "catalog/version.hpp"

namespace headrace::protocols::fastchat {

/// The body of /api/v1/chat/completions.
struct ChatRequest {
    std::string model;
    json::value messages;  // a list, or a text that is the whole prompt
    double temperature = 0.7;
    double top_p = 1;
    std::int64_t top_k = -1;
    std::int64_t n = 1;
    std::int64_t max_tokens = 0;  // 0 = not said
    std::vector<std::string> stop;
    bool stream = false;
    double presence_penalty = 0;
    double frequency_penalty = 0;
    double repetition_penalty = 0;  // 0 = not said
};

/// What FastChat answers where it refuses: its number and a sentence.
struct Refusal {
    int number = 0;
    std::string message;
};

/// Members that FastChat does not know are passed over, as it does.
tl::expected<ChatRequest, Refusal> read_chat_request(const json::object& body);

/// The request in canonical fields, those that the model takes.
Result<catalog::Values> canonical(const ChatRequest& request, const catalog::Version& version);

}  // namespace headrace::protocols::fastchat
