#include "telemetry/log_histogram.hpp"

#include <gtest/gtest.h>

namespace headrace::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(LogHistogram, ShareOfOneValueIsThatValueToAnEighth) {
    for (std::int64_t us = 1; us < 4'000'000'000; us = us * 3 + 1) {
        LogHistogram times;
        times.add(std::chrono::microseconds(us));
        const double expected = static_cast<double>(us) / 1000;
        EXPECT_NEAR(times.at_ms(0.5), expected, std::max(expected / 4, 0.0011)) << us;
    }
}

TEST(LogHistogram, QuantilesOfManyValues) {
    LogHistogram times;
    for (int i = 1; i <= 1000; ++i) times.add(std::chrono::milliseconds(i));
    EXPECT_NEAR(times.at_ms(0.5), 500, 500 / 8.0);
    EXPECT_NEAR(times.at_ms(0.99), 990, 990 / 8.0);
    EXPECT_LE(times.at_ms(0.5), times.at_ms(0.99));
    EXPECT_EQ(times.count(), 1000U);
}

TEST(LogHistogram, TwoAreAsGoodAsOne) {
    LogHistogram one, two, both;
    for (int i = 0; i < 100; ++i) {
        one.add(1ms * i);
        two.add(1s * i);
        both.add(1ms * i);
        both.add(1s * i);
    }
    one.merge(two);
    for (const double share : {0.0, 0.1, 0.5, 0.9, 1.0}) {
        EXPECT_EQ(one.at_ms(share), both.at_ms(share));
    }
    one.clear();
    EXPECT_LT(one.at_ms(0.5), 0) << "empty again";
}

TEST(LogHistogram, TakesAnyDuration) {
    LogHistogram times;
    times.add(-5s);
    times.add(std::chrono::nanoseconds::max());
    EXPECT_LT(times.at_ms(0.1), 0.01);
    EXPECT_GT(times.at_ms(1), 3'600'000);
}

}  // namespace
}  // namespace headrace::telemetry
