#include "base/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>

#include "base/byte_words.hpp"

namespace headrace {
namespace {

/// Builds the value and counts the keys that were read, so that a duplicate shows as a difference.
struct CountingHandler {
    static constexpr std::size_t max_object_size = 1'000'000;
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = 65'536;
    static constexpr std::size_t max_string_size = json::string::max_size();

    json::value_stack stack;
    std::size_t keys = 0;
    using ec = boost::system::error_code;

    bool on_document_begin(ec&) { return true; }
    bool on_document_end(ec&) { return true; }
    bool on_object_begin(ec&) { return true; }
    bool on_object_end(std::size_t n, ec&) {
        keys += n;
        stack.push_object(n);
        return true;
    }
    bool on_array_begin(ec&) { return true; }
    bool on_array_end(std::size_t n, ec&) {
        stack.push_array(n);
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, ec&) {
        stack.push_chars(part);
        return true;
    }
    bool on_key(json::string_view part, std::size_t, ec&) {
        stack.push_key(part);
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, ec&) {
        stack.push_chars(part);
        return true;
    }
    bool on_string(json::string_view part, std::size_t, ec&) {
        stack.push_string(part);
        return true;
    }
    bool on_number_part(json::string_view, ec&) { return true; }
    bool on_int64(std::int64_t i, json::string_view, ec&) {
        stack.push_int64(i);
        return true;
    }
    bool on_uint64(std::uint64_t u, json::string_view, ec&) {
        stack.push_uint64(u);
        return true;
    }
    bool on_double(double d, json::string_view text, ec& error) {
        if (!std::isfinite(d)) {
            error = json::error::exponent_overflow;
            return false;
        }
        stack.push_double(exact(d, text));
        return true;
    }
    /// The parser's own reading is exact where the digits fit a double and no power of ten is
    /// large; else it may be one off in the last place.
    static double exact(double d, std::string_view text) {
        constexpr std::size_t kExact = 16;
        if (text.size() <= kExact && text.find_first_of("eE") == std::string_view::npos) return d;
        double read = 0;
        const auto* end = text.data() + text.size();
        const auto result = std::from_chars(text.data(), end, read);
        if (result.ec == std::errc() && result.ptr == end) return read;
        return d;
    }
    bool on_bool(bool b, ec&) {
        stack.push_bool(b);
        return true;
    }
    bool on_null(ec&) {
        stack.push_null();
        return true;
    }
    bool on_comment_part(json::string_view, ec&) { return true; }
    bool on_comment(json::string_view, ec&) { return true; }
};

std::size_t count_keys(const json::value& value) {
    std::size_t count = 0;
    if (const auto* object = value.if_object()) {
        count += object->size();
        for (const auto& member : *object) count += count_keys(member.value());
    } else if (const auto* array = value.if_array()) {
        if (!array->empty() && !array->front().is_structured() && !array->back().is_structured()) {
            // A long list of numbers is common (tensors); one look at each is all it costs.
            for (const auto& item : *array) {
                if (item.is_structured()) count += count_keys(item);
            }
            return count;
        }
        for (const auto& item : *array) count += count_keys(item);
    }
    return count;
}

Error json_error(std::string rule, std::string limit, std::string message) {
    return Error{ErrorCode::invalid_argument,
                 std::move(message),
                 {Violation{"", std::move(rule), std::move(limit)}},
                 0};
}

/// Whether the parser stopped where the second half of a surrogate pair had to come.
bool follows_leading_surrogate(std::string_view text, std::size_t offset) {
    if (offset < 6 || offset > text.size()) return false;
    // It may have read one character of what it did not expect.
    for (const std::size_t end : {offset, offset - 1}) {
        if (end < 6) continue;
        const auto escape = text.substr(end - 6, 6);
        const char first = escape[2];
        const char second = escape[3];
        if (escape[0] == '\\' && escape[1] == 'u' && (first == 'd' || first == 'D') &&
            std::string_view("89abAB").find(second) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

Error describe(const boost::system::error_code& error, std::string_view text, std::size_t offset,
               const JsonLimits& limits) {
    const auto at = " at byte " + std::to_string(offset);
    if (error == json::error::too_deep) {
        return json_error("max_depth", std::to_string(limits.max_depth),
                          "the JSON is nested too deep" + at);
    }
    if (error == json::error::exponent_overflow) {
        return json_error("number_range", "", "a number is out of range" + at);
    }
    if (error == json::error::illegal_leading_surrogate ||
        error == json::error::illegal_trailing_surrogate ||
        error == json::error::expected_utf16_escape || follows_leading_surrogate(text, offset)) {
        return json_error("surrogate", "", "a lone surrogate stands" + at);
    }
    if (error == json::error::extra_data) {
        return json_error("json", "", "more text follows the JSON value" + at);
    }
    if (error == json::error::incomplete) {
        return json_error("json", "", "the JSON text ends too early" + at);
    }
    return json_error("json", "", "not valid JSON" + at);
}

void write_canonical(std::string& out, const json::value& value) {
    if (const auto* object = value.if_object()) {
        std::vector<const json::key_value_pair*> members;
        members.reserve(object->size());
        for (const auto& member : *object) members.push_back(&member);
        std::sort(members.begin(), members.end(),
                  [](const auto* a, const auto* b) { return a->key() < b->key(); });
        out += '{';
        for (const auto* member : members) {
            if (out.back() != '{') out += ',';
            append_json_string(out, member->key());
            out += ':';
            write_canonical(out, member->value());
        }
        out += '}';
    } else if (const auto* array = value.if_array()) {
        out += '[';
        bool first = true;
        for (const auto& item : *array) {
            if (!first) out += ',';
            first = false;
            write_canonical(out, item);
        }
        out += ']';
    } else {
        append_json(out, value);
    }
}

/// Length of the valid sequence that begins with a byte above 0x7F, 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0xC2   ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
    }
    const auto second = static_cast<unsigned char>(text[1]);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second > 0x9F;
    const bool above = lead == 0xF4 && second > 0x8F;
    return overlong || surrogate || above ? 0 : length;
}

}  // namespace

Result<json::value> parse_json(std::string_view text, const JsonLimits& limits) {
    json::parse_options options;
    options.max_depth = limits.max_depth;
    json::basic_parser<CountingHandler> parser(options);
    auto& handler = parser.handler();
    handler.stack.reset();
    boost::system::error_code error;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
    if (!error && used < text.size()) error = json::error::extra_data;
    if (error) return fail(describe(error, text, used, limits));
    json::value value = handler.stack.release();
    if (handler.keys != count_keys(value)) {
        return fail(json_error("duplicate_key", "", "an object holds the same key twice"));
    }
    return value;
}

Result<json::object> parse_json_object(std::string_view text, const JsonLimits& limits) {
    auto value = parse_json(text, limits);
    if (!value) return fail(std::move(value.error()));
    if (!value->is_object()) {
        return fail(json_error("type:object", "", "the body must be a JSON object"));
    }
    return std::move(value->as_object());
}

std::string canonical_json(const json::value& value) {
    std::string out;
    write_canonical(out, value);
    return out;
}

void append_json(std::string& out, const json::value& value) {
    if (const auto* object = value.if_object()) {
        out += '{';
        bool first = true;
        for (const auto& member : *object) {
            if (!first) out += ',';
            first = false;
            append_json_string(out, member.key());
            out += ':';
            append_json(out, member.value());
        }
        out += '}';
    } else if (const auto* array = value.if_array()) {
        out += '[';
        bool first = true;
        for (const auto& item : *array) {
            if (!first) out += ',';
            first = false;
            append_json(out, item);
        }
        out += ']';
    } else if (const auto* string = value.if_string()) {
        append_json_string(out, *string);
    } else if (const auto* number = value.if_double()) {
        fmt::format_to(std::back_inserter(out), "{}", *number);
    } else {
        out += json::serialize(value);
    }
}

bool is_utf8(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
    while (!text.empty()) {
        // Most text is ASCII: many bytes at a look, then eight.
        for (std::array<std::uint64_t, 4> words{}; text.size() >= sizeof words;
             text.remove_prefix(sizeof words)) {
            std::memcpy(words.data(), text.data(), sizeof words);
            if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
        }
        for (std::uint64_t word = 0; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
            std::memcpy(&word, text.data(), sizeof word);
            if ((word & kHighBits) != 0) break;
        }
        if (text.empty()) break;
        if (static_cast<unsigned char>(text[0]) < 0x80) {
            text.remove_prefix(1);
            continue;
        }
        const std::size_t length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

namespace {

/// Where the run ends that begins at `at` and stands in a JSON string as it is.
std::size_t plain_until(std::string_view text, std::size_t at) {
    for (; text.size() - at >= byte_words::kBytes; at += byte_words::kBytes) {
        const auto word = byte_words::load(text.data() + at);
        if ((byte_words::any_below(word, 0x20) | byte_words::any_equal(word, '"') |
             byte_words::any_equal(word, '\\')) != 0) {
            break;
        }
    }
    const auto plain = [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
    };
    while (at < text.size() && plain(text[at])) ++at;
    return at;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    std::size_t start = 0;
    for (std::size_t i = plain_until(text, 0); i < text.size(); i = plain_until(text, i + 1)) {
        const auto c = static_cast<unsigned char>(text[i]);
        out.append(text, start, i - start);
        start = i + 1;
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                out += "\\u00";
                out += kHex[c >> 4];
                out += kHex[c & 15];
        }
    }
    out.append(text, start, text.size() - start);
    out += '"';
}

}  // namespace headrace
