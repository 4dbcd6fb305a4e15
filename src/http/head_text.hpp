#pragma once
// Internal: what the heads of both directions are made of.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "base/byte_words.hpp"

namespace headrace::http {

/// RFC 9110 §5.6.2: what names of methods and fields are made of.
inline constexpr auto kToken = [] {
    std::array<bool, 256> table{};
    for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

/// RFC 9110 §5.5: what a value may hold: no control character but the tab.
inline constexpr auto kValue = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0x20; c < 256; ++c) table[c] = c != 0x7f;
    table['\t'] = true;
    return table;
}();

/// Length of the run at the front whose characters the table has.
inline std::size_t run_of(const std::array<bool, 256>& table, std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && table[static_cast<unsigned char>(text[at])]) ++at;
    return at;
}

/// Length of the run at the front that a value may hold.
inline std::size_t run_of_value(std::string_view text) {
    std::size_t at = 0;
    for (;;) {
        for (; text.size() - at >= byte_words::kBytes; at += byte_words::kBytes) {
            const auto word = byte_words::load(text.data() + at);
            if ((byte_words::any_below(word, 0x20) | byte_words::any_equal(word, 0x7f)) != 0) break;
        }
        // The end, a tab, or what no value may hold.
        const auto stop = std::min(at + byte_words::kBytes, text.size());
        while (at < stop && kValue[static_cast<unsigned char>(text[at])]) ++at;
        if (at < stop || at == text.size()) return at;
    }
}

inline bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

inline std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace headrace::http
