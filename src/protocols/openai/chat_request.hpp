#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/validator.hpp"
#include "catalog/values.hpp"

/// From the body of POST /chat/completions to the fields of the profile `chat`. Pure.
namespace headrace::protocols::openai {

/// What a body says of itself before its model is known.
struct ChatHead {
    std::string_view model;  // into the body
    bool stream = false;
    bool include_usage = false;
    std::uint32_t choices = 1;
    std::uint64_t max_tokens = 0;  // 0: not limited by the body
};
Result<ChatHead> read_chat_head(const json::object& body);
/// The same from the text, without a tree, where nothing about it is unusual. nullopt: parse it,
/// and hear then what is wrong with it, if anything is.
std::optional<ChatHead> scan_chat_head(std::string_view body);

/// How the answer is to be shaped, and the input of each choice's job.
struct ChatInput {
    std::vector<catalog::Values> choices;
    bool legacy_functions = false;  // `functions` instead of `tools`
    bool logprobs = false;
};

/// Takes the body apart: `messages`, or a raw `prompt` where the interface has one. A field that
/// the interface has is passed on under its canonical name, an unknown one under its own name or in
/// `extra`, if the interface has either. One that the model cannot obey and that would change the
/// answer is refused: unsupported_parameter.
Result<ChatInput> read_chat_input(json::object body, const catalog::Validator& validator,
                                  std::uint32_t choices);

/// The body as it is, for models that take whole requests of this dialect.
catalog::Values verbatim_input(std::string body, std::string_view operation);
/// Whether they do.
bool takes_verbatim(const catalog::Interface& interface);

inline constexpr std::uint32_t kMostChoices = 16;

}  // namespace headrace::protocols::openai
