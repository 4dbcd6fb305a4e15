#include "base/clock.hpp"

#include "base/unhurried_clock.hpp"

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

class SetClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return steady; }
    [[nodiscard]] WallMs wall() const override { return wall_ms; }
    void pass(milliseconds time) {
        steady += time;
        wall_ms += time.count();
    }
    SteadyTime steady{};
    WallMs wall_ms = 1'000'000'000'000;
};

TEST(UnhurriedClock, GoesWithTheOtherOneWhileThatGoesAsTimeDoes) {
    SetClock set;
    const UnhurriedClock clock(set);
    for (int i = 0; i < 1000; ++i) {
        set.pass(milliseconds(7));
        ASSERT_EQ(clock.wall(), set.wall_ms);
    }
}

TEST(UnhurriedClock, ADayThatDidNotPassMakesNothingOld) {
    SetClock set;
    const UnhurriedClock clock(set);
    const WallMs before = clock.wall();
    set.wall_ms += 86'400'000;
    EXPECT_EQ(clock.wall(), before);
    set.pass(milliseconds(5'000));
    EXPECT_EQ(clock.wall(), before + 5'000);
    set.wall_ms -= 86'400'000;
    EXPECT_EQ(clock.wall(), before + 5'000);
}

TEST(UnhurriedClock, FollowsAClockThatIsSetBackAndTimeBelowAMillisecondCounts) {
    SetClock set;
    const UnhurriedClock clock(set);
    set.wall_ms -= 3'600'000;
    const WallMs back = clock.wall();
    EXPECT_EQ(back, set.wall_ms);
    set.wall_ms += 10;
    for (int i = 0; i < 4; ++i) {
        set.steady += std::chrono::microseconds(250);
        (void)clock.wall();
    }
    EXPECT_EQ(clock.wall(), back + 1);
}

}  // namespace
}  // namespace headrace
