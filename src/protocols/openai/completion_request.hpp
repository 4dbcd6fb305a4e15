#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/validator.hpp"
#include "catalog/values.hpp"

/// From the body of POST /completions to jobs of the profile `chat`. Pure.
namespace headrace::protocols::openai {

struct CompletionInput {
    /// Prompt by prompt, each as many times as there are choices.
    std::vector<catalog::Values> runs;
    bool logprobs = false;
};
Result<CompletionInput> read_completion_input(json::object body,
                                              const catalog::Validator& validator,
                                              std::uint32_t choices);

inline constexpr std::size_t kMostRuns = 128;  // prompts times choices

}  // namespace headrace::protocols::openai
