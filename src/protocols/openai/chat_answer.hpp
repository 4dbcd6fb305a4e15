#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/openai/answer_stream.hpp"
#include "protocols/openai/chat_output.hpp"

/// Answers of POST /chat/completions, whole and by chunks.
namespace headrace::protocols::openai {

/// What all parts of one answer have in common.
struct AnswerFacts {
    std::string id;  // with its prefix
    std::int64_t created = 0;
    std::string model;
    bool include_usage = false;
    bool legacy_functions = false;
    bool logprobs = false;
};

/// The object chat.completion.
std::string chat_completion(const AnswerFacts& facts, const std::vector<ChatOutput>& choices,
                            const TokenCount& tokens);

/// Whether each step of the streamed text is the whole so far.
bool replaces_text(const catalog::Interface& interface);
/// Objects chat.completion.chunk. `replaces`: as replaces_text() has it.
std::unique_ptr<StreamShape> chat_chunks(AnswerFacts facts, std::uint32_t choices, bool replaces);

/// What an engine that speaks this dialect itself answered: `response`, and `status` where it is
/// not 200.
http::Response verbatim_response(catalog::Values outputs);
/// The same as it comes.
std::unique_ptr<StreamShape> verbatim_stream();

}  // namespace headrace::protocols::openai
