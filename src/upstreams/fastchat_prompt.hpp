#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace headrace::upstreams {

/// How turns become one text. The numbers are those of FastChat's newest source.
enum class PromptStyle : std::uint8_t {
    add_colon_single = 1,
    add_colon_two,
    add_colon_space_single,
    no_colon_single,
    no_colon_two,
    add_new_line_single,
    llama2,
    llama3,
    chatglm,
    chatml,
    chatintern,
    dolly,
    rwkv,
    phoenix,
    robin,
    falcon_chat,
    chatglm3,
    deepseek_chat,
    metamath,
    yuan2,
    gemma,
    cllm,
    plain,  // FastChat's DEFAULT
};
inline constexpr int kLastStyle = static_cast<int>(PromptStyle::plain);
/// FastChat's name in lower case, "default" for the last.
std::string_view to_string(PromptStyle style);
std::optional<PromptStyle> prompt_style_from(std::string_view word);

/// Which numbers a worker's sep_style has: `released` up to 0.2.36, `head` since llama3 was put in
/// as 8. The protocol does not say which.
enum class Numbering : std::uint8_t { released, head };
std::optional<PromptStyle> prompt_style_of(std::int64_t number, Numbering numbering);
/// `released` has no number for four of the styles.
std::optional<int> number_of(PromptStyle style, Numbering numbering);

/// One turn as it is rendered. An empty text is the bare marker of its role, as in FastChat, except
/// where the content came in parts.
struct PromptTurn {
    std::string role;  // as the template writes it
    std::string text;
    std::size_t images = 0;
    bool parts = false;
};

/// A model's conversation template.
struct PromptTemplate {
    std::string name;
    std::string system_template = "{system_message}";
    std::string system_message;
    std::array<std::string, 2> roles = {"USER", "ASSISTANT"};
    std::vector<PromptTurn> messages;  // examples that stand before the conversation
    PromptStyle style = PromptStyle::add_colon_single;
    Numbering numbering = Numbering::released;
    std::string sep = "\n";
    std::string sep2;
    std::vector<std::string> stop;
    std::vector<std::int64_t> stop_token_ids;
};

/// The prompt of these turns, byte for byte what FastChat renders. The template's own messages are
/// not added. Error invalid_argument when the system template asks for something unknown.
Result<std::string> render_prompt(const PromptTemplate& form, std::span<const PromptTurn> turns);

}  // namespace headrace::upstreams
