#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Rfc3339, WritesUtcWithMilliseconds) {
    EXPECT_EQ(to_rfc3339(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(to_rfc3339(1'795'527'699'042), "2026-11-24T13:41:39.042Z");
    EXPECT_EQ(to_rfc3339(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
    EXPECT_EQ(to_rfc3339(253'402'300'800'000), "10000-01-01T00:00:00.000Z");
}

TEST(Rfc3339, ReadsWhatItWrites) {
    for (const WallMs time :
         {WallMs{0}, WallMs{1}, WallMs{951'782'400'123}, WallMs{4'102'444'800'999}}) {
        EXPECT_EQ(from_rfc3339(to_rfc3339(time)).value(), time);
    }
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
    EXPECT_EQ(from_rfc3339("1970-01-01T01:00:00+01:00").value(), 0);
    EXPECT_EQ(from_rfc3339("1970-01-01T00:00:00.5Z").value(), 500);
    EXPECT_EQ(from_rfc3339("1970-01-01T00:00:00.123456789Z").value(), 123);
}

TEST(Rfc3339, RefusesWhatIsNotOne) {
    for (const char* text :
         {"", "1970", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z",
          "1970-02-30T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:00:00Zx",
          "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00+25:00"}) {
        EXPECT_FALSE(from_rfc3339(text).has_value()) << text;
    }
}

}  // namespace
}  // namespace headrace
