#include "base/json_scan.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <unordered_set>

namespace headrace {
namespace {

constexpr std::size_t kMostMembers = 10'000;
constexpr std::size_t kFewMembers = 32;  // among which a repeated key is looked for one by one

Error scan_error(std::string rule, std::string message, std::size_t at, std::string limit = {}) {
    message += " at byte " + std::to_string(at);
    return Error{ErrorCode::invalid_argument,
                 std::move(message),
                 {Violation{"", std::move(rule), std::move(limit)}},
                 0};
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The 16 bits of the four digits at `at`, or -1.
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

bool is_high(int unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(int unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

void append_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xC0 | point >> 6);
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        out += static_cast<char>(0xE0 | point >> 12);
        out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | point >> 18);
        out += static_cast<char>(0x80 | (point >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    }
}

/// A bit for every byte of `word` that a string cannot hold as it is: quote, backslash, control.
std::uint64_t special_bytes(std::uint64_t word) {
    constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
    constexpr std::uint64_t kHigh = 0x8080808080808080ULL;
    const auto zero = [](std::uint64_t x) { return (x - kOnes) & ~x & kHigh; };
    // Below 0x20: the three high bits are clear.
    return zero(word ^ (kOnes * '"')) | zero(word ^ (kOnes * '\\')) | zero(word & (kOnes * 0xE0));
}

/// Walks over JSON text without keeping anything of it.
class Scanner {
  public:
    Scanner(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

    std::size_t at = 0;

    void blanks() {
        while (at < text_.size() &&
               (text_[at] == ' ' || text_[at] == '\n' || text_[at] == '\t' || text_[at] == '\r')) {
            ++at;
        }
    }
    [[nodiscard]] char peek() const { return at < text_.size() ? text_[at] : '\0'; }
    bool take(char c) {
        if (peek() != c || at >= text_.size()) return false;
        ++at;
        return true;
    }
    [[nodiscard]] bool at_end() const { return at >= text_.size(); }
    [[nodiscard]] std::size_t max_depth() const { return limits_.max_depth; }
    [[nodiscard]] Error broken() const {
        if (at_end()) return scan_error("json", "the JSON text ends too early", at);
        return scan_error("json", "not valid JSON", at);
    }
    [[nodiscard]] Error too_deep() const {
        return scan_error("max_depth", "the JSON is nested too deep", at,
                          std::to_string(limits_.max_depth));
    }

    Result<void> string();
    Result<JsonKind> value(std::size_t depth);

  private:
    Result<void> escape();
    bool number();
    bool word(std::string_view wanted);
    Result<void> nested(std::size_t depth);

    std::string_view text_;
    JsonLimits limits_;
};

Result<void> Scanner::escape() {
    ++at;  // the backslash
    const char c = peek();
    if (c != 'u') {
        if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
            return fail(broken());
        }
        ++at;
        return {};
    }
    const int unit = hex4(text_, at + 1);
    if (unit < 0) return fail(broken());
    if (is_low(unit)) return fail(scan_error("surrogate", "a lone surrogate stands", at));
    at += 5;
    if (!is_high(unit)) return {};
    const bool paired = text_.size() >= at + 6 && text_[at] == '\\' && text_[at + 1] == 'u' &&
                        is_low(hex4(text_, at + 2));
    if (!paired) return fail(scan_error("surrogate", "a lone surrogate stands", at));
    at += 6;
    return {};
}

Result<void> Scanner::string() {
    if (!take('"')) return fail(broken());
    for (;;) {
        while (text_.size() - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, text_.data() + at, sizeof word);
            const std::uint64_t found = special_bytes(word);
            if (found == 0) {
                at += 8;
                continue;
            }
            // Borrows may mark bytes above the first true one, never below it.
            if constexpr (std::endian::native == std::endian::little) {
                at += static_cast<std::size_t>(std::countr_zero(found)) / 8;
            }
            break;
        }
        if (at_end()) return fail(broken());
        const auto c = static_cast<unsigned char>(text_[at]);
        if (c == '"') {
            ++at;
            return {};
        }
        if (c == '\\') {
            if (auto escaped = escape(); !escaped) return escaped;
            continue;
        }
        if (c < 0x20) return fail(broken());
        ++at;
    }
}

bool Scanner::number() {
    const auto digits = [this] {
        const std::size_t from = at;
        while (peek() >= '0' && peek() <= '9') ++at;
        return at > from;
    };
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (peek() == 'e' || peek() == 'E') {
        ++at;
        if (!take('+')) take('-');
        if (!digits()) return false;
    }
    return true;
}

bool Scanner::word(std::string_view wanted) {
    if (text_.substr(at, wanted.size()) != wanted) return false;
    at += wanted.size();
    return true;
}

Result<JsonKind> Scanner::value(std::size_t depth) {
    switch (peek()) {
        case '{':
        case '[': {
            const JsonKind kind = peek() == '{' ? JsonKind::object : JsonKind::array;
            if (auto walked = nested(depth); !walked) return fail(std::move(walked).error());
            return kind;
        }
        case '"':
            if (auto read = string(); !read) return fail(std::move(read).error());
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
    return fail(broken());
}

/// An object or array and all that is in it: by a stack of its own, so that depth costs no stack of
/// the thread.
Result<void> Scanner::nested(std::size_t depth) {
    std::string open;  // the closing brackets that are due
    const auto begin = [&]() -> bool {
        open += peek() == '{' ? '}' : ']';
        ++at;
        return depth + open.size() <= limits_.max_depth;
    };
    if (!begin()) return fail(too_deep());
    bool first = true;
    while (!open.empty()) {
        blanks();
        if (take(open.back())) {
            open.pop_back();
            first = false;
            continue;
        }
        if (!first && !take(',')) return fail(broken());
        blanks();
        if (open.back() == '}') {
            if (auto key = string(); !key) return key;
            blanks();
            if (!take(':')) return fail(broken());
            blanks();
        }
        if (peek() == '{' || peek() == '[') {
            if (!begin()) return fail(too_deep());
            first = true;
            continue;
        }
        if (auto read = value(depth); !read) return fail(std::move(read).error());
        first = false;
    }
    return {};
}

/// Whether the newest key was there before.
class SeenKeys {
  public:
    bool repeated(const std::vector<JsonMember>& members, const std::string& key) {
        if (members.size() < kFewMembers) {
            return std::any_of(members.begin(), members.end(),
                               [&](const JsonMember& each) { return each.key == key; });
        }
        if (keys_.empty()) {
            for (const auto& each : members) keys_.insert(each.key);
        }
        return !keys_.insert(key).second;
    }

  private:
    std::unordered_set<std::string> keys_;
};

Result<void> only_blanks_left(Scanner& scanner) {
    scanner.blanks();
    if (scanner.at_end()) return {};
    return fail(scan_error("json", "more text follows the JSON value", scanner.at));
}

}  // namespace

Result<JsonMembers> JsonMembers::scan(std::string_view text, const JsonLimits& limits) {
    if (!is_utf8(text)) return fail(scan_error("json", "the JSON is not UTF-8", 0));
    Scanner scanner(text, limits);
    JsonMembers out;
    out.text_ = text;
    scanner.blanks();
    if (!scanner.take('{')) {
        if (auto other = scanner.value(0); !other) return fail(std::move(other).error());
        return fail(Error{ErrorCode::invalid_argument,
                          "the body must be a JSON object",
                          {Violation{"", "type:object", ""}},
                          0});
    }
    if (limits.max_depth == 0) return fail(scanner.too_deep());
    out.inside_ = scanner.at;
    SeenKeys seen;
    scanner.blanks();
    if (scanner.take('}')) {
        if (auto rest = only_blanks_left(scanner); !rest) return fail(std::move(rest).error());
        return out;
    }
    for (;;) {
        JsonMember member;
        scanner.blanks();
        member.begin = scanner.at;
        if (auto key = scanner.string(); !key) return fail(std::move(key).error());
        member.key = *json_text(text.substr(member.begin, scanner.at - member.begin));
        if (seen.repeated(out.members_, member.key)) {
            return fail(Error{ErrorCode::invalid_argument,
                              "an object holds the same key twice",
                              {Violation{"", "duplicate_key", ""}},
                              0});
        }
        scanner.blanks();
        if (!scanner.take(':')) return fail(scanner.broken());
        scanner.blanks();
        const std::size_t from = scanner.at;
        auto kind = scanner.value(1);
        if (!kind) return fail(std::move(kind).error());
        member.kind = *kind;
        member.end = scanner.at;
        member.value = text.substr(from, scanner.at - from);
        out.members_.push_back(std::move(member));
        if (out.members_.size() > kMostMembers) {
            return fail(scan_error("max_items", "the object has too many members", scanner.at,
                                   std::to_string(kMostMembers)));
        }
        scanner.blanks();
        if (scanner.take('}')) break;
        if (!scanner.take(',')) return fail(scanner.broken());
    }
    if (auto rest = only_blanks_left(scanner); !rest) return fail(std::move(rest).error());
    return out;
}

const JsonMember* JsonMembers::find(std::string_view key) const {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](const JsonMember& each) { return each.key == key; });
    return found == members_.end() ? nullptr : &*found;
}

bool is_json(std::string_view text, const JsonLimits& limits) {
    if (!is_utf8(text)) return false;
    Scanner scanner(text, limits);
    scanner.blanks();
    if (!scanner.value(0)) return false;
    scanner.blanks();
    return scanner.at_end();
}

Result<std::vector<std::string_view>> scan_json_array(std::string_view text,
                                                      const JsonLimits& limits) {
    if (!is_utf8(text)) return fail(scan_error("json", "the JSON is not UTF-8", 0));
    Scanner scanner(text, limits);
    std::vector<std::string_view> out;
    scanner.blanks();
    if (!scanner.take('[')) {
        return fail(scan_error("type:array", "the JSON must be an array", scanner.at));
    }
    scanner.blanks();
    bool more = !scanner.take(']');
    while (more) {
        scanner.blanks();
        const std::size_t from = scanner.at;
        if (auto read = scanner.value(1); !read) return fail(std::move(read).error());
        out.push_back(text.substr(from, scanner.at - from));
        scanner.blanks();
        more = scanner.take(',');
        if (!more && !scanner.take(']')) return fail(scanner.broken());
    }
    if (auto rest = only_blanks_left(scanner); !rest) return fail(std::move(rest).error());
    return out;
}

std::optional<std::string> json_text(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
    value = value.substr(1, value.size() - 2);
    std::string out;
    out.reserve(value.size());
    while (!value.empty()) {
        const auto plain = std::min(value.find('\\'), value.size());
        out.append(value.substr(0, plain));
        value.remove_prefix(plain);
        if (value.size() < 2) return value.empty() ? std::optional(std::move(out)) : std::nullopt;
        const char c = value[1];
        if (c != 'u') {
            static constexpr std::string_view kNames = "\"\\/bfnrt";
            static constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
            const auto found = kNames.find(c);
            if (found == std::string_view::npos) return std::nullopt;
            out += kMeant[found];
            value.remove_prefix(2);
            continue;
        }
        int unit = hex4(value, 2);
        if (unit < 0) return std::nullopt;
        value.remove_prefix(6);
        auto point = static_cast<std::uint32_t>(unit);
        if (is_high(unit)) {
            const bool escaped = value.size() >= 6 && value[0] == '\\' && value[1] == 'u';
            unit = escaped ? hex4(value, 2) : -1;
            if (!is_low(unit)) return std::nullopt;
            point =
                0x10000 + ((point - 0xD800) << 10) + (static_cast<std::uint32_t>(unit) - 0xDC00);
            value.remove_prefix(6);
        } else if (is_low(unit)) {
            return std::nullopt;
        }
        append_utf8(out, point);
    }
    return out;
}

std::optional<std::uint64_t> json_count(std::string_view value) {
    std::uint64_t number = 0;
    const auto* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || stopped != end || number >> 63 != 0) return std::nullopt;
    return number;
}

}  // namespace headrace
