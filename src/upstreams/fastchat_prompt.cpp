#include "upstreams/fastchat_prompt.hpp"

#include <algorithm>

namespace headrace::upstreams {
namespace {

/// What marks the place of an image in the prompt, for workers that cut it there.
constexpr std::string_view kImageMark = "$$<image>$$";

constexpr std::string_view kNames[] = {"add_colon_single",
                                       "add_colon_two",
                                       "add_colon_space_single",
                                       "no_colon_single",
                                       "no_colon_two",
                                       "add_new_line_single",
                                       "llama2",
                                       "llama3",
                                       "chatglm",
                                       "chatml",
                                       "chatintern",
                                       "dolly",
                                       "rwkv",
                                       "phoenix",
                                       "robin",
                                       "falcon_chat",
                                       "chatglm3",
                                       "deepseek_chat",
                                       "metamath",
                                       "yuan2",
                                       "gemma",
                                       "cllm",
                                       "default"};
static_assert(std::size(kNames) == kLastStyle);

/// When the system text stands at the head of the prompt.
enum class When : std::uint8_t {
    always,
    filled,   // where the filled template is not empty
    message,  // where there is a system message
    never
};
/// What follows a message.
enum class Sep : std::uint8_t { none, single, alternate };

enum class Images : std::uint8_t { dropped, marked, marked_since_head };

/// The styles that are a pattern: the head, then for each turn its role, and `between text sep
/// tail` or `bare` where it has no text.
struct Pattern {
    PromptStyle style;
    std::string_view prefix{};  // of the whole prompt
    When system = When::always;
    Sep system_sep = Sep::none;  // after the system text
    std::string_view system_tail{};
    std::string_view before_each{};
    std::string_view before_even{};
    std::string_view between{};
    std::string_view bare{};
    Sep sep = Sep::single;
    std::string_view tail{};
    std::string_view odd_tail{};
    Images images = Images::dropped;
};

using S = PromptStyle;
constexpr auto kSingle = Sep::single;
constexpr auto kAlternate = Sep::alternate;
constexpr Pattern kPatterns[] = {
    {.style = S::add_colon_single,
     .system_sep = kSingle,
     .between = ": ",
     .bare = ":",
     .images = Images::marked_since_head},
    {.style = S::add_colon_two,
     .system_sep = kSingle,
     .between = ": ",
     .bare = ":",
     .sep = kAlternate,
     .images = Images::marked},
    {.style = S::add_colon_space_single, .system_sep = kSingle, .between = ": ", .bare = ": "},
    {.style = S::no_colon_single},
    {.style = S::no_colon_two, .sep = kAlternate},
    {.style = S::add_new_line_single,
     .system = When::filled,
     .system_sep = kSingle,
     .between = "\n",
     .bare = "\n"},
    {.style = S::chatml,
     .system = When::filled,
     .system_sep = kSingle,
     .system_tail = "\n",
     .between = "\n",
     .bare = "\n",
     .tail = "\n",
     .images = Images::marked_since_head},
    {.style = S::chatintern,
     .before_even = "<s>",
     .between = ":",
     .bare = ":",
     .sep = kAlternate,
     .tail = "\n"},
    {.style = S::dolly, .between = ":\n", .bare = ":\n", .sep = kAlternate, .odd_tail = "\n\n"},
    {.style = S::rwkv, .between = ": ", .bare = ":", .sep = Sep::none, .tail = "\n\n"},
    {.style = S::phoenix, .between = ": <s>", .bare = ": <s>", .sep = Sep::none, .tail = "</s>"},
    {.style = S::robin, .system_sep = kSingle, .between = ":\n", .bare = ":\n"},
    {.style = S::falcon_chat,
     .system = When::message,
     .system_sep = kSingle,
     .between = ": ",
     .bare = ":"},
    {.style = S::chatglm3, .system = When::message, .between = "\n", .sep = Sep::none},
    {.style = S::deepseek_chat, .between = ": ", .bare = ":", .sep = kAlternate},
    {.style = S::gemma,
     .prefix = "<bos>",
     .system = When::never,
     .before_each = "<start_of_turn>",
     .between = "\n",
     .bare = "\n"},
    {.style = S::cllm,
     .system_sep = kSingle,
     .between = ": ",
     .bare = ":",
     .sep = kAlternate,
     .images = Images::marked},
    {.style = S::plain,
     .system_tail = "\n",
     .between = ": ",
     .bare = ":",
     .sep = Sep::none,
     .tail = "\n"},
};

const Pattern* pattern_of(PromptStyle style) {
    const auto* found =
        std::find_if(std::begin(kPatterns), std::end(kPatterns),
                     [&](const Pattern& pattern) { return pattern.style == style; });
    return found == std::end(kPatterns) ? nullptr : found;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
}

/// Python's format() with the one field that templates have.
Result<std::string> fill_system(const PromptTemplate& form) {
    constexpr std::string_view kField = "{system_message}";
    std::string out;
    const std::string_view text = form.system_template;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c != '{' && c != '}') {
            const auto next = std::min(text.find_first_of("{}", at), text.size());
            out += text.substr(at, next - at);
            at = next;
        } else if (at + 1 < text.size() && text[at + 1] == c) {
            out += c;
            at += 2;
        } else if (text.substr(at, kField.size()) == kField) {
            out += form.system_message;
            at += kField.size();
        } else {
            return fail(ErrorCode::invalid_argument,
                        "the worker's system template has a field that is not system_message");
        }
    }
    return out;
}

/// Length of the white space that Python's strip() takes at the start of `text`, 0 = none.
std::size_t space_at(std::string_view text) {
    if (text.empty()) return 0;
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    if ((byte(0) >= 9 && byte(0) <= 13) || (byte(0) >= 0x1C && byte(0) <= 0x20)) return 1;
    if (byte(0) == 0xC2 && (byte(1) == 0x85 || byte(1) == 0xA0)) return 2;
    const unsigned three = (byte(0) << 16) | (byte(1) << 8) | byte(2);
    const bool wide = three == 0xE19A80 || (three >= 0xE28080 && three <= 0xE2808A) ||
                      three == 0xE280A8 || three == 0xE280A9 || three == 0xE280AF ||
                      three == 0xE2819F || three == 0xE38080;
    return wide ? 3 : 0;
}

std::string_view strip(std::string_view text) {
    while (const auto length = space_at(text)) text.remove_prefix(length);
    for (bool more = true; more && !text.empty();) {
        more = false;
        for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length) {
            if (space_at(text.substr(text.size() - length)) != length) continue;
            text.remove_suffix(length);
            more = true;
            break;
        }
    }
    return text;
}

/// Renders one prompt; holds what every style asks for.
struct Renderer {
    const PromptTemplate& form;
    std::string_view system;
    std::span<const PromptTurn> turns;
    std::string out;

    std::string_view sep(Sep which, std::size_t i) const {
        if (which == Sep::none) return "";
        return which == Sep::single || i % 2 == 0 ? form.sep : form.sep2;
    }
    static bool is_bare(const PromptTurn& turn) { return turn.text.empty() && !turn.parts; }
    bool marks_images(Images images) const {
        return images == Images::marked ||
               (images == Images::marked_since_head && form.numbering == Numbering::head);
    }
    void add_text(const PromptTurn& turn, Images images) {
        if (marks_images(images)) {
            for (std::size_t i = 0; i < turn.images; ++i) out += kImageMark;
        }
        out += turn.text;
    }

    void head(const Pattern& pattern) {
        out += pattern.prefix;
        if (pattern.system == When::never) return;
        if (pattern.system == When::filled && system.empty()) return;
        if (pattern.system == When::message && form.system_message.empty()) return;
        out.append(system).append(sep(pattern.system_sep, 0)).append(pattern.system_tail);
    }
    void turn(const Pattern& pattern, const PromptTurn& turn, std::size_t i) {
        out += pattern.before_each;
        if (i % 2 == 0) out += pattern.before_even;
        out += turn.role;
        if (is_bare(turn)) {
            out += pattern.bare;
            return;
        }
        out += pattern.between;
        if (pattern.style == S::rwkv) {
            std::string text = turn.text;
            replace_all(text, "\r\n", "\n");
            replace_all(text, "\n\n", "\n");
            out += text;
        } else {
            add_text(turn, pattern.images);
        }
        out.append(sep(pattern.sep, i)).append(pattern.tail);
        if (i % 2 == 1) out += pattern.odd_tail;
    }
    void by_pattern(const Pattern& pattern) {
        head(pattern);
        if (pattern.style == S::cllm && turns.size() > 2) turns = turns.last(2);
        for (std::size_t i = 0; i < turns.size(); ++i) turn(pattern, turns[i], i);
    }

    // The first message has neither tag nor separator: both are in the system template.
    void llama2() {
        out += form.system_message.empty() ? "[INST] " : system;
        for (std::size_t i = 0; i < turns.size(); ++i) {
            const auto& tag = form.roles[i % 2];
            if (is_bare(turns[i])) {
                out += tag;
            } else if (i == 0) {
                out.append(turns[i].text).append(" ");
            } else {
                out.append(tag).append(" ").append(turns[i].text);
                out += sep(Sep::alternate, i);
            }
        }
    }
    void llama3() {
        out += "<|begin_of_text|>";
        if (!form.system_message.empty()) out += system;
        for (const auto& turn : turns) {
            out.append("<|start_header_id|>").append(turn.role).append("<|end_header_id|>\n\n");
            if (!is_bare(turn)) out.append(strip(turn.text)).append("<|eot_id|>");
        }
    }
    void chatglm() {
        const std::size_t first = form.name == "chatglm2" ? 1 : 0;
        if (!system.empty()) out.append(system).append(form.sep);
        for (std::size_t i = 0; i < turns.size(); ++i) {
            if (i % 2 == 0) {
                out.append("[Round ").append(std::to_string(i / 2 + first)).append("]");
                out += form.sep;
            }
            out.append(turns[i].role).append("\xEF\xBC\x9A");  // the full-width colon
            if (!is_bare(turns[i])) out.append(turns[i].text).append(form.sep);
        }
    }
    void metamath() {
        if (!system.empty()) out.append(system).append(form.sep);
        for (std::size_t i = 0; i < turns.size(); ++i) {
            out += turns[i].role;
            if (i % 2 == 0) {
                out += ":\n";
            } else {
                out.append(": ").append(form.sep2);
            }
            if (is_bare(turns[i])) continue;
            out += turns[i].text;
            if (i % 2 == 0) out += form.sep;
        }
    }
    // FastChat strips any of the characters < n > at the end, also those of a message.
    void yuan2() {
        if (!form.system_message.empty()) out.append(system).append(form.sep2);
        for (const auto& turn : turns) {
            if (!is_bare(turn)) out.append(turn.text).append("<n>");
        }
        out.resize(out.find_last_not_of("<n>") + 1);
        out += form.sep;
    }
};

}  // namespace

std::string_view to_string(PromptStyle style) {
    return kNames[static_cast<std::size_t>(style) - 1];
}

std::optional<PromptStyle> prompt_style_from(std::string_view word) {
    const auto* found = std::find(std::begin(kNames), std::end(kNames), word);
    if (found == std::end(kNames)) return std::nullopt;
    return static_cast<PromptStyle>(found - std::begin(kNames) + 1);
}

std::optional<PromptStyle> prompt_style_of(std::int64_t number, Numbering numbering) {
    constexpr auto kInserted = static_cast<std::int64_t>(S::llama3);
    constexpr auto kReleasedLast = static_cast<std::int64_t>(S::yuan2) - 1;
    if (numbering == Numbering::released) {
        if (number > kReleasedLast) return std::nullopt;
        if (number >= kInserted) ++number;
    }
    if (number < 1 || number > kLastStyle) return std::nullopt;
    return static_cast<PromptStyle>(number);
}

std::optional<int> number_of(PromptStyle style, Numbering numbering) {
    const auto number = static_cast<int>(style);
    if (numbering == Numbering::head || style < S::llama3) return number;
    if (style == S::llama3 || style > S::yuan2) return std::nullopt;
    return number - 1;
}

Result<std::string> render_prompt(const PromptTemplate& form, std::span<const PromptTurn> turns) {
    const auto system = fill_system(form);
    if (!system) return fail(system.error());
    Renderer renderer{form, *system, turns, {}};
    if (const auto* pattern = pattern_of(form.style)) {
        renderer.by_pattern(*pattern);
        return std::move(renderer.out);
    }
    switch (form.style) {
        case S::llama2:
            renderer.llama2();
            break;
        case S::llama3:
            renderer.llama3();
            break;
        case S::chatglm:
            renderer.chatglm();
            break;
        case S::metamath:
            renderer.metamath();
            break;
        case S::yuan2:
            renderer.yuan2();
            break;
        default:
            return fail(ErrorCode::internal, "a prompt style without a renderer");
    }
    return std::move(renderer.out);
}

}  // namespace headrace::upstreams
