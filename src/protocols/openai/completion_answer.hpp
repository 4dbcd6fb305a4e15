#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocols/openai/chat_answer.hpp"

/// Objects text_completion, whole and by chunks.
namespace headrace::protocols::openai {

/// {"tokens","token_logprobs","top_logprobs","text_offset"} from the canonical entries; `offset`
/// is where the first token stands in the text, in code points, and is moved on. "null" when there
/// are none.
void append_text_logprobs(std::string& out, std::string_view entries, std::size_t& offset);

std::string text_completion(const AnswerFacts& facts, const std::vector<ChatOutput>& choices,
                            const TokenCount& tokens);

/// `per_prompt`: runs that share a prompt.
std::unique_ptr<StreamShape> text_chunks(AnswerFacts facts, std::uint32_t runs,
                                         std::uint32_t per_prompt, bool replaces);

/// Tokens of several runs, a prompt's counted once.
class RunTokens {
  public:
    explicit RunTokens(std::uint32_t per_prompt) : per_prompt_(per_prompt) {}
    void add(std::uint32_t run, const TokenCount& tokens);
    [[nodiscard]] TokenCount total() const;

  private:
    std::uint32_t per_prompt_;
    std::vector<TokenCount> prompts_;
};

}  // namespace headrace::protocols::openai
