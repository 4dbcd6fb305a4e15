#include "engines/host/clean_text.hpp"

#include <gtest/gtest.h>

namespace headrace::engines::host {
namespace {

TEST(CleanText, KeepsUtf8AndReplacesTheRest) {
    EXPECT_EQ(clean_text("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80", 100),
              "plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80");
    EXPECT_EQ(clean_text("a\xff"
                         "b",
                         100),
              "a?b");
    EXPECT_EQ(clean_text("\xc0\xaf", 100), "??");            // overlong
    EXPECT_EQ(clean_text("\xed\xa0\x80", 100), "???");       // a lone surrogate
    EXPECT_EQ(clean_text("\xf5\x80\x80\x80", 100), "????");  // beyond Unicode
    EXPECT_EQ(clean_text("\xe2\x82", 100), "??");            // cut short
}

TEST(CleanText, CutsBetweenCharacters) {
    EXPECT_EQ(clean_text("ab\xe2\x82\xac", 4), "ab");
    EXPECT_EQ(clean_text("abc", 2), "ab");
}

}  // namespace
}  // namespace headrace::engines::host
