#include "text_out.hpp"

#include <gtest/gtest.h>

namespace headrace::llama {
namespace {

std::string split(std::initializer_list<std::string_view> pieces) {
    Utf8Splitter splitter;
    std::string out;
    for (const auto piece : pieces) {
        splitter.feed(piece, out);
        out += '|';
    }
    splitter.finish(out);
    return out;
}

TEST(Utf8Splitter, LetsOnlyWholeCharactersOut) {
    EXPECT_EQ(split({"a\xC3", "\xA9"}), "a|\xC3\xA9|");
    EXPECT_EQ(split({"\xF0\x9F", "\x98", "\x80!"}), "||\xF0\x9F\x98\x80!|");
}

TEST(Utf8Splitter, ReplacesWhatIsNoCharacter) {
    EXPECT_EQ(split({"\xFF"}), "\xEF\xBF\xBD|");
    EXPECT_EQ(split({"\xC3", "a"}),
              "|\xEF\xBF\xBD"
              "a|");
    EXPECT_EQ(split({"\xE4\xBD"}), "|\xEF\xBF\xBD");                  // never finished
    EXPECT_EQ(split({"\xC0\x80"}), "\xEF\xBF\xBD\xEF\xBF\xBD|");      // overlong
    EXPECT_EQ(split({"\xED\xA0\x80"}).substr(0, 3), "\xEF\xBF\xBD");  // a surrogate
    EXPECT_EQ(split({"\xF4\x90\x80\x80"}).substr(0, 3), "\xEF\xBF\xBD");
}

/// What comes out piece by piece, then at the end; '#' marks a stop.
std::string stopped(std::vector<std::string> stops,
                    std::initializer_list<std::string_view> pieces) {
    StopMatcher matcher(std::move(stops));
    std::string out;
    for (const auto piece : pieces) {
        if (matcher.feed(piece, out)) return out + '#';
        out += '|';
    }
    matcher.finish(out);
    return out;
}

TEST(StopMatcher, FindsAStopOverAnyBorder) {
    EXPECT_EQ(stopped({"END"}, {"oneEND", "two"}), "one#");
    EXPECT_EQ(stopped({"END"}, {"one E", "N", "D two"}), "one ||#");
    EXPECT_EQ(stopped({"\n\n"}, {"a\n", "\nb"}), "a|#");
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
    EXPECT_EQ(stopped({"END"}, {"EN", "X", "E"}), "|ENX||E");
    EXPECT_EQ(stopped({"aab"}, {"aa", "a", "b"}), "|a|#");
    EXPECT_EQ(stopped({""}, {"a", "b"}), "a|b|");
    EXPECT_EQ(stopped({}, {"a", "b"}), "a|b|");
}

TEST(StopMatcher, TakesTheFirstOfSeveral) {
    EXPECT_EQ(stopped({"late", "b"}, {"abc late"}), "a#");
    EXPECT_EQ(stopped({"abcd", "bc"}, {"ab", "c"}), "|a#");
}

TEST(TextOut, EntriesComeWithTheirTextAndNotBehindAStop) {
    TextOut out({"STOP"});
    TextOut::Piece piece;
    EXPECT_FALSE(out.feed("a", "1", piece));
    EXPECT_FALSE(out.feed("ST", "2", piece));
    EXPECT_EQ(piece.text, "a");
    EXPECT_EQ(piece.entries, std::vector<std::string>{"1"});
    EXPECT_FALSE(out.feed("x", "3", piece));
    EXPECT_EQ(piece.text, "aSTx");
    EXPECT_EQ(piece.entries, (std::vector<std::string>{"1", "2", "3"}));
    EXPECT_FALSE(out.feed("y S", "4", piece));
    EXPECT_TRUE(out.feed("TOP z", "5", piece));
    EXPECT_EQ(piece.text, "aSTxy ");
    EXPECT_EQ(piece.entries, (std::vector<std::string>{"1", "2", "3", "4"}));
    out.finish(piece);
    EXPECT_EQ(piece.text, "aSTxy ");
}

TEST(TextOut, TheEndLetsOutWhatWasHeldBack) {
    TextOut out({"STOP"});
    TextOut::Piece piece;
    out.feed("a STO", "1", piece);
    out.feed("\xC3", "2", piece);
    out.finish(piece);
    EXPECT_EQ(piece.text, "a STO\xEF\xBF\xBD");
    EXPECT_EQ(piece.entries.size(), 2U);
}

}  // namespace
}  // namespace headrace::llama
