#include "upstreams/fastchat_chunks.hpp"

#include <algorithm>

namespace headrace::upstreams {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::size_t kCompactAt = 256 * 1024;
const JsonLimits kJson{.max_depth = 16};

tl::unexpected<Error> broken(std::string what) {
    return fail(ErrorCode::engine_failed, "the worker's answer is broken: " + std::move(what));
}

std::uint64_t count_points(std::string_view text) {
    return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

/// `text` without its first `count` characters.
std::string_view drop_points(std::string_view text, std::uint64_t count) {
    std::size_t at = 0;
    for (; count > 0 && at < text.size(); --count) {
        ++at;
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    }
    return text.substr(at);
}

std::string without_replacement(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (true) {
        const auto at = text.find(kReplacement);
        out += text.substr(0, at);
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + kReplacement.size());
    }
}

/// Length of the replacement character at the end of the characters of a JSON string, in either
/// spelling; 0 when there is none.
std::size_t replacement_at_end(std::string_view text) {
    if (text.ends_with(kReplacement)) return kReplacement.size();
    constexpr std::size_t kEscaped = 6;  // backslash, u, four digits
    if (text.size() < kEscaped) return 0;
    const auto tail = text.substr(text.size() - kEscaped);
    const auto is_hex_f = [](char c) { return c == 'f' || c == 'F'; };
    if (tail[0] != '\\' || tail[1] != 'u' || !is_hex_f(tail[2]) || !is_hex_f(tail[3]) ||
        !is_hex_f(tail[4]) || (tail[5] != 'd' && tail[5] != 'D')) {
        return 0;
    }
    // An odd number of backslashes before it: this one belongs to an escaped backslash.
    auto before = text.size() - kEscaped;
    const auto first = before;
    while (before > 0 && text[before - 1] == '\\') --before;
    return (first - before) % 2 == 0 ? kEscaped : 0;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
    while (at < text.size() &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r')) {
        ++at;
    }
    return at;
}

/// Where the text's characters begin when "text" is the first member; 0 when it is not.
std::size_t text_begin(std::string_view chunk) {
    constexpr std::string_view kKey = "\"text\"";
    auto at = skip_space(chunk, 0);
    if (at >= chunk.size() || chunk[at] != '{') return 0;
    at = skip_space(chunk, at + 1);
    if (chunk.substr(at, kKey.size()) != kKey) return 0;
    at = skip_space(chunk, at + kKey.size());
    if (at >= chunk.size() || chunk[at] != ':') return 0;
    at = skip_space(chunk, at + 1);
    return at < chunk.size() && chunk[at] == '"' ? at + 1 : 0;
}

/// The closing quote of the string whose characters begin at `at`.
std::size_t string_end(std::string_view chunk, std::size_t at) {
    while ((at = chunk.find_first_of("\"\\", at)) != std::string_view::npos && chunk[at] == '\\') {
        at += 2;
    }
    return at;
}

/// Python writes numbers that JSON does not have; log probabilities may be such.
std::string without_python_numbers(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '"') {
            const auto end = std::min(string_end(text, at + 1), text.size() - 1);
            out += text.substr(at, end + 1 - at);
            at = end + 1;
            continue;
        }
        std::size_t taken = 0;
        for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
            if (text.substr(at, word.size()) == word) taken = word.size();
            if (taken > 0) break;
        }
        if (taken > 0) {
            out += "null";
        } else {
            out += text[at];
        }
        at += std::max<std::size_t>(taken, 1);
    }
    return out;
}

Result<json::object> parse_chunk(std::string_view text) {
    auto parsed = parse_json_object(text, kJson);
    if (parsed) return parsed;
    if (text.find("NaN") == std::string_view::npos &&
        text.find("Infinity") == std::string_view::npos) {
        return parsed;
    }
    return parse_json_object(without_python_numbers(text), kJson);
}

std::optional<std::uint64_t> whole_number(const json::value* value) {
    if (value == nullptr) return std::nullopt;
    if (value->is_int64() && value->get_int64() >= 0) {
        return static_cast<std::uint64_t>(value->get_int64());
    }
    return std::nullopt;
}

}  // namespace

Result<std::optional<std::string>> ChunkSplitter::next() {
    while (true) {
        const auto end = buffer_.find('\0', scanned_);
        if (end == std::string::npos) {
            scanned_ = buffer_.size();
            if (scanned_ - start_ > max_chunk_) return broken("a chunk is too large");
            if (start_ > kCompactAt || start_ == scanned_) {
                buffer_.erase(0, start_);
                scanned_ -= start_;
                start_ = 0;
            }
            return std::nullopt;
        }
        scanned_ = end + 1;
        const auto begin = std::exchange(start_, end + 1);
        if (end - begin > max_chunk_) return broken("a chunk is too large");
        if (end > begin) return buffer_.substr(begin, end - begin);
    }
}

std::string ChunkSplitter::take_rest() {
    auto rest = buffer_.substr(start_);
    buffer_.clear();
    start_ = scanned_ = 0;
    return rest;
}

Result<WorkerChunk> CumulativeText::next(std::string chunk) {
    // `last_` ends inside the text, so a chunk that begins with it goes on with that text.
    const bool continued = !last_.empty() && chunk.starts_with(last_);
    std::string tail;
    if (continued) {
        tail = "{\"text\":\"";
        tail.append(chunk, last_.size());
    }
    auto parsed = parse_chunk(continued ? tail : chunk);
    if (!parsed) return broken(parsed.error().message);
    WorkerChunk out;
    if (const auto* code = parsed->if_contains("error_code"); code != nullptr && !code->is_null()) {
        if (!code->is_int64()) return broken("error_code is no number");
        out.error_code = code->get_int64();
    }
    const auto* member = parsed->if_contains("text");
    const auto* text = member == nullptr ? nullptr : member->if_string();
    if (out.error_code != 0) {
        if (text != nullptr) out.error = std::string(*text);
        return out;
    }
    if (text == nullptr) return broken("no text");
    const auto added = without_replacement(*text);
    const std::uint64_t before = continued ? last_points_ : 0;
    const auto points = before + count_points(added);
    if (points > given_) {
        out.delta = std::string(drop_points(added, given_ - std::min(before, given_)));
        given_ = points;
    }
    parsed->erase("text");
    parsed->erase("error_code");
    out.rest = std::move(*parsed);
    last_points_ = points;
    keep(std::move(chunk), continued);
    return out;
}

void CumulativeText::keep(std::string chunk, bool continued) {
    const auto begin = continued ? last_.size() : text_begin(chunk);
    const auto end = begin == 0 ? std::string::npos : string_end(chunk, begin);
    if (end == std::string::npos) {
        last_.clear();
        return;
    }
    // A half character at the end becomes a whole one in the next chunk.
    std::string_view settled(chunk.data() + begin, end - begin);
    while (const auto length = replacement_at_end(settled)) settled.remove_suffix(length);
    chunk.resize(begin + settled.size());
    last_ = std::move(chunk);
}

std::optional<WorkerUsage> usage_of(const json::object& chunk) {
    const auto* member = chunk.if_contains("usage");
    const auto* usage = member == nullptr ? nullptr : member->if_object();
    if (usage == nullptr) return std::nullopt;
    const auto prompt = whole_number(usage->if_contains("prompt_tokens"));
    const auto completion = whole_number(usage->if_contains("completion_tokens"));
    if (!prompt && !completion) return std::nullopt;
    return WorkerUsage{prompt.value_or(0), completion.value_or(0)};
}

std::string finish_reason_of(const json::object& chunk) {
    const auto* member = chunk.if_contains("finish_reason");
    if (member == nullptr) return {};
    if (member->is_array() && !member->get_array().empty()) member = &member->get_array().front();
    const auto* word = member->if_string();
    if (word == nullptr || word->empty()) return {};
    return *word == "length" ? "length" : "stop";
}

}  // namespace headrace::upstreams
