#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

/// Text looked at eight bytes at a time, on any processor: most of it has nothing special in it,
/// and every request's head, values and log line is looked through.
namespace headrace::byte_words {

using Word = std::uint64_t;
inline constexpr std::size_t kBytes = sizeof(Word);

inline Word load(const char* at) {
    Word word = 0;
    std::memcpy(&word, at, kBytes);
    return word;
}

constexpr Word all(unsigned char byte) {
    return 0x0101010101010101ULL * byte;
}

/// Not zero when one of the bytes is below `bound`, which is 0x80 at most. Which one, it does not
/// tell.
constexpr Word any_below(Word word, unsigned char bound) {
    return (word - all(bound)) & ~word & all(0x80);
}

/// Not zero when one of the bytes is `byte`.
constexpr Word any_equal(Word word, unsigned char byte) {
    return any_below(word ^ all(byte), 1);
}

/// Each of the letters A to Z made small; other bytes stay as they are.
constexpr Word lower(Word word) {
    const Word low = word & all(0x7f);
    const Word from_a = low + all(0x80 - 'A');
    const Word behind_z = low + all(0x7f - 'Z');
    return word | ((from_a ^ behind_z) & ~word & all(0x80)) >> 2;
}

}  // namespace headrace::byte_words
