#include "base/byte_words.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace headrace {
namespace {

using byte_words::kBytes;

/// Calls `visit(text, at, byte)` with every byte at every place of a word of others.
template <class Visit>
void for_each_byte_and_place(Visit visit) {
    for (const char filler : {'x', '\x80', '\xff'}) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            for (std::size_t at = 0; at < kBytes; ++at) {
                std::string text(kBytes, filler);
                text[at] = static_cast<char>(byte);
                visit(text, at, static_cast<unsigned char>(byte));
            }
        }
    }
}

TEST(ByteWordsTest, SeesOneByteAtAnyPlace) {
    for_each_byte_and_place([](const std::string& text, std::size_t, unsigned char byte) {
        const auto word = byte_words::load(text.data());
        ASSERT_EQ(byte_words::any_below(word, 0x20) != 0, byte < 0x20) << int(byte);
        ASSERT_EQ(byte_words::any_equal(word, 0x7f) != 0, byte == 0x7f) << int(byte);
        ASSERT_EQ(byte_words::any_equal(word, '"') != 0, byte == '"') << int(byte);
    });
}

TEST(ByteWordsTest, MakesLettersSmallAndNothingElse) {
    for_each_byte_and_place([](std::string text, std::size_t at, unsigned char byte) {
        const auto word = byte_words::lower(byte_words::load(text.data()));
        if (byte >= 'A' && byte <= 'Z') text[at] = static_cast<char>(byte + 32);
        ASSERT_EQ(word, byte_words::load(text.data())) << int(byte);
    });
}

TEST(ByteWordsTest, AJsonStringIsEscapedWhereverTheSpecialByteStands) {
    for (std::size_t length = 1; length < 3 * kBytes; ++length) {
        for (std::size_t at = 0; at < length; ++at) {
            for (const auto& [byte, escaped] :
                 {std::pair{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\x1f', "\\u001f"}}) {
                std::string text(length, 'a');
                text[at] = byte;
                std::string out;
                append_json_string(out, text);
                ASSERT_EQ(out, '"' + std::string(at, 'a') + escaped +
                                   std::string(length - at - 1, 'a') + '"');
            }
        }
    }
}

}  // namespace
}  // namespace headrace
