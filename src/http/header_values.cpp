#include <algorithm>

#include "http/message.hpp"

namespace headrace::http {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
        }
    }
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// Cuts the part before the next `separator` that stands outside quotes off `rest`.
std::string_view next_part(std::string_view& rest, char separator) {
    bool quoted = false;
    std::size_t i = 0;
    for (; i < rest.size(); ++i) {
        if (quoted && rest[i] == '\\')
            ++i;
        else if (rest[i] == '"')
            quoted = !quoted;
        else if (rest[i] == separator && !quoted)
            break;
    }
    i = std::min(i, rest.size());
    const auto part = rest.substr(0, i);
    rest.remove_prefix(std::min(i + 1, rest.size()));
    return trim(part);
}

std::string unquote(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
    text = text.substr(1, text.size() - 2);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        // Only what must be escaped: form data carries plain backslashes.
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) {
            ++i;
        }
        out.push_back(text[i]);
    }
    return out;
}

/// Splits "name=value"; the value is unquoted.
std::pair<std::string_view, std::string> name_and_value(std::string_view part) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return {trim(part), {}};
    return {trim(part.substr(0, equals)), unquote(trim(part.substr(equals + 1)))};
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    return decode(text, false);
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back(kDigits[byte >> 4]);
            out.push_back(kDigits[byte & 15]);
        }
    }
    return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        const auto key = pair.substr(0, equals);
        // Names are nearly always plain: compare first, decode only what has an escape.
        if (key != name && decode(key, true) != name) continue;
        return decode(pair.substr(std::min(equals + 1, pair.size())), true);
    }
    return std::nullopt;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query) {
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        auto key = decode(pair.substr(0, equals), true);
        auto value = decode(pair.substr(std::min(equals + 1, pair.size())), true);
        if (!key || !value) return std::nullopt;
        pairs.emplace_back(std::move(*key), std::move(*value));
    }
    return pairs;
}

bool accepts_exactly(std::string_view accept, std::string_view type) {
    while (!accept.empty()) {
        auto part = next_part(accept, ',');
        if (!equal_without_case(next_part(part, ';'), type)) continue;
        bool refused = false;
        while (!part.empty()) {
            const auto [name, value] = name_and_value(next_part(part, ';'));
            refused |= equal_without_case(name, "q") && !value.empty() &&
                       value.find_first_not_of("0.") == std::string::npos;
        }
        if (!refused) return true;
    }
    return false;
}

std::optional<std::string> preference(std::string_view prefer, std::string_view name) {
    while (!prefer.empty()) {
        auto part = next_part(prefer, ',');
        auto [key, value] = name_and_value(next_part(part, ';'));
        if (equal_without_case(key, name)) return value;
    }
    return std::nullopt;
}

std::string media_type(std::string_view content_type) {
    std::string type(next_part(content_type, ';'));
    std::transform(type.begin(), type.end(), type.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return type;
}

std::optional<std::string> header_parameter(std::string_view value, std::string_view name) {
    next_part(value, ';');
    while (!value.empty()) {
        auto [key, text] = name_and_value(next_part(value, ';'));
        if (equal_without_case(key, name)) return text;
    }
    return std::nullopt;
}

}  // namespace headrace::http
