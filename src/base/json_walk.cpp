#include "base/json_walk.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace headrace {
namespace {

constexpr std::size_t kPlainNumber =
    32;                               // digits without a power of ten that no double is short of
constexpr std::size_t kFewKeys = 32;  // of one object, that are compared one by one

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// A bit for every byte of `word` that a string cannot hold as it is: quote, backslash, control.
std::uint64_t special_bytes(std::uint64_t word) {
    constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
    constexpr std::uint64_t kHigh = 0x8080808080808080ULL;
    const auto zero = [](std::uint64_t x) { return (x - kOnes) & ~x & kHigh; };
    // Below 0x20: the three high bits are clear.
    return zero(word ^ (kOnes * '"')) | zero(word ^ (kOnes * '\\')) | zero(word & (kOnes * 0xE0));
}

/// Past what a string can hold as it is: at its end, or at the first byte that it cannot. A last
/// piece that is shorter than a step is left to the caller.
const char* plain_end(const char* next, const char* end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);
    for (; end - next >= 16; next += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(next));
        const __m128i named =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes);
        const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(named, low)));
        if (found != 0) return next + std::countr_zero(found);
    }
#endif
    for (; end - next >= 8; next += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, next, sizeof word);
        const std::uint64_t found = special_bytes(word);
        if (found == 0) continue;
        // Borrows may mark bytes above the first true one, never below it.
        if constexpr (std::endian::native == std::endian::little) {
            next += std::countr_zero(found) / 8;
        }
        break;
    }
    return next;
}

}  // namespace

Error scan_error(std::string rule, std::string message, std::size_t at, std::string limit) {
    message += " at byte " + std::to_string(at);
    return Error{ErrorCode::invalid_argument,
                 std::move(message),
                 {Violation{"", std::move(rule), std::move(limit)}},
                 0};
}

int hex4(std::string_view text, std::size_t at) {
    if (text.size() < at + 4) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const int digit = hex_digit(text[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

Error JsonWalk::broken() const {
    if (at_end()) return scan_error("json", "the JSON text ends too early", at);
    return scan_error("json", "not valid JSON", at);
}

Error JsonWalk::too_deep() const {
    return scan_error("max_depth", "the JSON is nested too deep", at,
                      std::to_string(limits_.max_depth));
}

Error JsonWalk::error() const {
    if (wrong_ == Wrong::depth) return too_deep();
    if (wrong_ == Wrong::surrogate) return scan_error("surrogate", "a lone surrogate stands", at);
    return broken();
}

bool JsonWalk::escape() {
    ++at;  // the backslash
    const char c = peek();
    if (c != 'u') {
        if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
            return wrong(Wrong::syntax);
        }
        ++at;
        return true;
    }
    const int unit = hex4(text_, at + 1);
    if (unit < 0) return wrong(Wrong::syntax);
    if (is_low_surrogate(unit)) return wrong(Wrong::surrogate);
    at += 5;
    if (!is_high_surrogate(unit)) return true;
    const bool paired = text_.size() >= at + 6 && text_[at] == '\\' && text_[at + 1] == 'u' &&
                        is_low_surrogate(hex4(text_, at + 2));
    if (!paired) return wrong(Wrong::surrogate);
    at += 6;
    return true;
}

bool JsonWalk::string() {
    if (!take('"')) return wrong(Wrong::syntax);
    const char* const end = text_.data() + text_.size();
    const char* next = text_.data() + at;
    for (;;) {
        next = plain_end(next, end);
        at = static_cast<std::size_t>(next - text_.data());
        if (next == end) return wrong(Wrong::syntax);
        const auto c = static_cast<unsigned char>(*next);
        if (c == '"') {
            ++at;
            return true;
        }
        if (c == '\\') {
            if (!escape()) return false;
            next = text_.data() + at;
            continue;
        }
        if (c < 0x20) return wrong(Wrong::syntax);
        ++next;
    }
}

bool JsonWalk::number() {
    const std::size_t from = at;
    const auto digits = [this] {
        const std::size_t first = at;
        while (peek() >= '0' && peek() <= '9') ++at;
        return at > first;
    };
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    const bool power = peek() == 'e' || peek() == 'E';
    if (power) {
        ++at;
        if (!take('+')) take('-');
        if (!digits()) return false;
    }
    if (watcher_ && (power || at - from > kPlainNumber)) watcher_->odd_number();
    return true;
}

bool JsonWalk::word(std::string_view wanted) {
    if (text_.substr(at, wanted.size()) != wanted) return false;
    at += wanted.size();
    return true;
}

std::optional<JsonKind> JsonWalk::value(std::size_t depth) {
    switch (peek()) {
        case '{':
            if (!nested(depth)) return std::nullopt;
            return JsonKind::object;
        case '[':
            if (!nested(depth)) return std::nullopt;
            return JsonKind::array;
        case '"':
            if (!string()) return std::nullopt;
            return JsonKind::string;
        case 't':
            if (word("true")) return JsonKind::boolean;
            break;
        case 'f':
            if (word("false")) return JsonKind::boolean;
            break;
        case 'n':
            if (word("null")) return JsonKind::null;
            break;
        default:
            if ((peek() == '-' || (peek() >= '0' && peek() <= '9')) && number()) {
                return JsonKind::number;
            }
    }
    wrong(Wrong::syntax);
    return std::nullopt;
}

std::optional<JsonKind> JsonWalk::skip() {
    const char first = peek();
    if (first == '"') return string() ? std::optional(JsonKind::string) : std::nullopt;
    if (first != '{' && first != '[') {
        const std::size_t from = at;
        while (!at_end() &&
               std::string_view(",]} \t\r\n").find(text_[at]) == std::string_view::npos)
            ++at;
        if (at == from) return std::nullopt;
        if (first == 'n') return JsonKind::null;
        return first == 't' || first == 'f' ? JsonKind::boolean : JsonKind::number;
    }
    for (std::size_t open = 0; !at_end();) {
        const char c = text_[at];
        if (c == '"') {
            if (!string()) return std::nullopt;
            continue;
        }
        ++at;
        if (c == '{' || c == '[') ++open;
        if ((c == '}' || c == ']') && --open == 0)
            return first == '{' ? JsonKind::object : JsonKind::array;
    }
    return std::nullopt;
}

bool JsonWalk::whole() {
    blanks();
    if (!value(0)) return false;
    blanks();
    return at_end();
}

/// A key and what leads to its value.
bool JsonWalk::key(std::size_t depth) {
    const std::size_t from = at + 1;
    if (!string()) return false;
    const auto raw = text_.substr(from, at - 1 - from);
    blanks();
    if (!take(':')) return wrong(Wrong::syntax);
    blanks();
    if (watcher_) watcher_->key(depth, raw, text_.substr(std::min(at, text_.size())));
    return true;
}

/// An object or array and all that is in it: by a stack of its own, so that depth costs no stack of
/// the thread.
bool JsonWalk::nested(std::size_t depth) {
    std::string open;  // the closing brackets that are due
    const auto begin = [&]() -> bool {
        const bool object = peek() == '{';
        open += object ? '}' : ']';
        ++at;
        if (depth + open.size() > limits_.max_depth) return wrong(Wrong::depth);
        if (object && watcher_) watcher_->object(depth + open.size());
        return true;
    };
    if (!begin()) return false;
    bool first = true;
    while (!open.empty()) {
        blanks();
        if (take(open.back())) {
            open.pop_back();
            first = false;
            continue;
        }
        if (!first && !take(',')) return wrong(Wrong::syntax);
        blanks();
        if (open.back() == '}' && !key(depth + open.size())) return false;
        if (peek() == '{' || peek() == '[') {
            if (!begin()) return false;
            first = true;
            continue;
        }
        if (!value(depth)) return false;
        first = false;
    }
    return true;
}

void PlainWatcher::object(std::size_t depth) {
    while (!keys_.empty() && keys_.back().depth >= depth) keys_.pop_back();
}

void PlainWatcher::key(std::size_t depth, std::string_view raw, std::string_view) {
    if (!plain_) return;
    while (!keys_.empty() && keys_.back().depth > depth) keys_.pop_back();
    std::size_t beside = 0;
    for (auto at = keys_.rbegin(); at != keys_.rend() && at->depth == depth; ++at) {
        if (at->raw == raw || ++beside == kFewKeys) plain_ = false;
    }
    if (raw.find('\\') != std::string_view::npos) plain_ = false;
    if (keys_.capacity() == 0) keys_.reserve(16);
    keys_.push_back({depth, raw});
}

}  // namespace headrace
