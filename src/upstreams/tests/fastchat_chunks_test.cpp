#include "upstreams/fastchat_chunks.hpp"

#include <random>

#include <gtest/gtest.h>

namespace headrace::upstreams {
namespace {

using namespace std::string_literals;

/// A chunk as Python's json.dumps writes it, ASCII only or not.
std::string chunk(std::string_view text, bool ascii, std::string_view more = "") {
    std::string out = R"({"text": ")";
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80) {
            if (byte == '"' || byte == '\\') out += '\\';
            out += text[i++];
            continue;
        }
        const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
        if (ascii) {
            auto point = static_cast<unsigned>(byte & (0xFFU >> (length + 1)));
            for (std::size_t k = 1; k < length; ++k) point = point << 6 | (text[i + k] & 0x3F);
            char unit[16];
            if (point >= 0x10000) {
                std::snprintf(unit, sizeof unit, "\\u%04x\\u%04x",
                              0xD800 + ((point - 0x10000) >> 10),
                              0xDC00 + ((point - 0x10000) & 0x3FF));
            } else {
                std::snprintf(unit, sizeof unit, "\\u%04x", point);
            }
            out += unit;
        } else {
            out += text.substr(i, length);
        }
        i += length;
    }
    return out + "\", \"error_code\": 0" + std::string(more) + "}";
}

struct Read {
    std::vector<std::string> deltas;
    std::string all;
};

Read read(const std::vector<std::string>& texts, bool ascii) {
    CumulativeText text;
    Read out;
    for (const auto& one : texts) {
        auto next = text.next(chunk(one, ascii));
        EXPECT_TRUE(next) << one;
        if (!next) return out;
        out.all += next->delta;
        out.deltas.push_back(std::move(next->delta));
    }
    return out;
}

TEST(ChunkSplitter, CutsAtNulWhateverThePieces) {
    const auto bytes = "{\"a\":1}\0\0{\"b\":2}\0{\"c\""s;
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
        ChunkSplitter splitter(100);
        std::vector<std::string> chunks;
        for (std::size_t at = 0; at < bytes.size(); at += size) {
            splitter.push(std::string_view(bytes).substr(at, size));
            while (auto next = *splitter.next()) chunks.push_back(std::move(*next));
        }
        EXPECT_EQ(chunks, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"})) << size;
        EXPECT_EQ(splitter.take_rest(), "{\"c\"");
    }
}

TEST(ChunkSplitter, AChunkHasABound) {
    ChunkSplitter splitter(10);
    splitter.push("0123456789"s);
    EXPECT_TRUE(splitter.next());
    splitter.push("0"s);
    EXPECT_FALSE(splitter.next());
    ChunkSplitter whole(4);
    whole.push("12345\0"s);
    EXPECT_FALSE(whole.next());
}

TEST(CumulativeText, GivesWhatIsNew) {
    for (const bool ascii : {true, false}) {
        EXPECT_EQ(read({"", "He", "Hello", "Hello", "Hello \"w\\"}, ascii).deltas,
                  (std::vector<std::string>{"", "He", "llo", "", " \"w\\"}));
        EXPECT_EQ(read({"\u00e9", "\u00e9\u4e2d", "\u00e9\u4e2d\U0001F600!"}, ascii).deltas,
                  (std::vector<std::string>{"\u00e9", "\u4e2d", "\U0001F600!"}));
    }
}

TEST(CumulativeText, HalfCharactersAreHeldBack) {
    for (const bool ascii : {true, false}) {
        EXPECT_EQ(read({"a\uFFFD", "a\uFFFD\uFFFD", "a\u4e2d", "a\u4e2db"}, ascii).deltas,
                  (std::vector<std::string>{"a", "", "\u4e2d", "b"}));
    }
    // The letters of the escape are no escape after a backslash of the text.
    CumulativeText text;
    EXPECT_EQ(text.next(R"({"text": "a\\ufffd"})")->delta, "a\\ufffd");
    EXPECT_EQ(text.next(R"({"text": "a\\ufffd\uFFFD"})")->delta, "");
    EXPECT_EQ(text.next(R"({"text": "a\\ufffdb"})")->delta, "b");
}

TEST(CumulativeText, NeverGoesBackwards) {
    EXPECT_EQ(read({"Hello", "Hel", "", "Hello you"}, true).deltas,
              (std::vector<std::string>{"Hello", "", "", " you"}));
    EXPECT_EQ(read({"Hello", "Hxllo!", "Hxllo!?"}, true).deltas,
              (std::vector<std::string>{"Hello", "!", "?"}));
}

TEST(CumulativeText, AnyLayoutAndOrderOfMembers) {
    CumulativeText text;
    EXPECT_EQ(text.next("{\"error_code\":0,\"text\":\"a\"}")->delta, "a");
    EXPECT_EQ(text.next("{ \"text\" : \"ab\" }")->delta, "b");
    const auto last = text.next(R"({"text": "abc", "usage": {"prompt_tokens": 3,
        "completion_tokens": 2, "total_tokens": 5}, "finish_reason": "length"})");
    EXPECT_EQ(last->delta, "c");
    EXPECT_EQ(usage_of(last->rest)->completion_tokens, 2U);
    EXPECT_EQ(finish_reason_of(last->rest), "length");
}

TEST(CumulativeText, WhatWorkersLeaveOutOrWriteOddly) {
    CumulativeText text;
    const auto odd =
        text.next(R"({"text": "NaN \" Infinity", "cumulative_logprob": [-Infinity, NaN],
        "finish_reason": ["abort"], "usage": null})");
    ASSERT_TRUE(odd);
    EXPECT_EQ(odd->delta, "NaN \" Infinity");
    EXPECT_EQ(finish_reason_of(odd->rest), "stop");
    EXPECT_EQ(usage_of(odd->rest), std::nullopt);
    EXPECT_EQ(finish_reason_of({}), "");
}

TEST(CumulativeText, ErrorsAndGarbage) {
    CumulativeText text;
    EXPECT_TRUE(text.next(R"({"text": "ok"})"));
    const auto error = text.next(R"({"text": "out of memory", "error_code": 50002})");
    EXPECT_EQ(error->error_code, 50002);
    EXPECT_EQ(error->error, "out of memory");
    EXPECT_EQ(error->delta, "");
    for (const auto* bad :
         {"", "x", "[]", "{}", R"({"text": 7})", R"({"text": "a)", "{\"text\": \"",
          R"({"text": "a", "text": "b"})", R"({"text": "\ud800"})",
          R"({"text": "ok", "error_code": "x"})", "{\"text\": \"\xff\"}"}) {
        EXPECT_FALSE(CumulativeText().next(bad)) << bad;
    }
}

// The reference: what FastChat's own server does with each chunk, in characters.
TEST(CumulativeText, AgreesWithTheReferenceOnRandomTexts) {
    const std::u32string alphabet = U"ab\\\"\u00e9\u4e2d\U0001F600\ufffd u";
    std::mt19937 random(7);
    const auto utf8 = [](const std::u32string& points) {
        std::string out;
        for (const auto c : points) {
            if (c < 0x80) {
                out += static_cast<char>(c);
            } else if (c < 0x800) {
                out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
            } else if (c < 0x10000) {
                out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                        static_cast<char>(0x80 | (c & 63))};
            } else {
                out +=
                    {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                     static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
            }
        }
        return out;
    };
    for (int round = 0; round < 2'000; ++round) {
        CumulativeText text;
        std::u32string now;
        std::size_t given = 0;
        for (int step = 0; step < 8; ++step) {
            const auto dice = random() % 8;
            if (dice == 0) now.resize(now.size() - std::min<std::size_t>(now.size(), random() % 3));
            if (dice == 1 && !now.empty()) now[random() % now.size()] = alphabet[random() % 9];
            while (!now.empty() && now.back() == U'\ufffd' && random() % 2) now.pop_back();
            for (auto more = random() % 4; more > 0; --more) now += alphabet[random() % 10];
            std::u32string kept;
            for (const auto c : now) {
                if (c != U'\ufffd') kept += c;
            }
            const auto expected = kept.size() > given ? utf8(kept.substr(given)) : "";
            given = std::max(given, kept.size());
            const auto next = text.next(chunk(utf8(now), random() % 4 != 0));
            ASSERT_TRUE(next);
            ASSERT_EQ(next->delta, expected) << "round " << round << " step " << step;
        }
    }
}

}  // namespace
}  // namespace headrace::upstreams
