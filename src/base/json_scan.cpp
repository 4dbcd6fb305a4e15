#include "base/json_scan.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_set>

#include "base/json_walk.hpp"

namespace headrace {
namespace {

constexpr std::size_t kMostMembers = 10'000;
constexpr std::size_t kFewMembers = 32;  // among which a repeated key is looked for one by one

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

Result<void> only_blanks_left(JsonWalk& scanner) {
    scanner.blanks();
    if (scanner.at_end()) return {};
    return fail(scan_error("json", "more text follows the JSON value", scanner.at));
}

}  // namespace

Result<JsonMembers> JsonMembers::scan(std::string_view text, const JsonLimits& limits) {
    return scan(text, limits, nullptr, false);
}

std::optional<JsonMembers> JsonMembers::scan_plain(std::string_view text) {
    PlainWatcher watcher;
    auto members = scan(text, {}, &watcher, false);
    if (!members || !watcher.plain()) return std::nullopt;
    return std::move(*members);
}

std::optional<JsonMembers> JsonMembers::scan_sound(std::string_view text) {
    auto members = scan(text, {}, nullptr, true);
    if (!members) return std::nullopt;
    return std::move(*members);
}

Result<JsonMembers> JsonMembers::scan(std::string_view text, const JsonLimits& limits,
                                      JsonWatcher* watcher, bool sound) {
    if (!sound && !is_utf8(text)) return fail(scan_error("json", "the JSON is not UTF-8", 0));
    JsonWalk scanner(text, limits, watcher);
    JsonMembers out;
    out.text_ = text;
    scanner.blanks();
    if (!scanner.take('{')) {
        if (!scanner.value(0)) return fail(scanner.error());
        return fail(Error{ErrorCode::invalid_argument,
                          "the body must be a JSON object",
                          {Violation{"", "type:object", ""}},
                          0});
    }
    if (limits.max_depth == 0) return fail(scanner.too_deep());
    out.inside_ = scanner.at;
    SeenKeys seen;
    out.members_.reserve(8);
    scanner.blanks();
    if (scanner.take('}')) {
        if (auto rest = only_blanks_left(scanner); !rest) return fail(std::move(rest).error());
        return out;
    }
    for (;;) {
        JsonMember member;
        scanner.blanks();
        member.begin = scanner.at;
        if (!scanner.string()) return fail(scanner.error());
        const auto quoted = text.substr(member.begin, scanner.at - member.begin);
        if (quoted.find('\\') == std::string_view::npos)
            member.key = quoted.substr(1, quoted.size() - 2);
        else
            member.key = *json_text(quoted);
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
        const auto kind = sound ? scanner.skip() : scanner.value(1);
        if (!kind) return fail(scanner.error());
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
    return is_utf8(text) && JsonWalk(text, limits).whole();
}

bool is_json(std::string_view text, JsonWatcher& watcher) {
    return is_utf8(text) && JsonWalk(text, {}, &watcher).whole();
}

bool is_plain_json(std::string_view text) {
    PlainWatcher watcher;
    return is_json(text, watcher) && watcher.plain();
}

std::size_t json_string_size(std::string_view text) {
    JsonWalk walk(text, {});
    return walk.string() ? walk.at : 0;
}

Result<std::vector<std::string_view>> scan_json_array(std::string_view text,
                                                      const JsonLimits& limits) {
    if (!is_utf8(text)) return fail(scan_error("json", "the JSON is not UTF-8", 0));
    JsonWalk scanner(text, limits);
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
        if (!scanner.value(1)) return fail(scanner.error());
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
        if (is_high_surrogate(unit)) {
            const bool escaped = value.size() >= 6 && value[0] == '\\' && value[1] == 'u';
            unit = escaped ? hex4(value, 2) : -1;
            if (!is_low_surrogate(unit)) return std::nullopt;
            point =
                0x10000 + ((point - 0xD800) << 10) + (static_cast<std::uint32_t>(unit) - 0xDC00);
            value.remove_prefix(6);
        } else if (is_low_surrogate(unit)) {
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
