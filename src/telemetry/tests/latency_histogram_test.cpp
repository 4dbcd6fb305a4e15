#include "telemetry/latency_histogram.hpp"

#include <gtest/gtest.h>

namespace headrace::telemetry {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;

TEST(LatencyHistogram, GivesPercentilesWithinItsBuckets) {
    LatencyHistogram histogram;
    for (int i = 1; i <= 10'000; ++i) histogram.record(microseconds(i));
    EXPECT_EQ(histogram.count(), 10'000U);
    EXPECT_EQ(histogram.largest(), milliseconds(10));
    for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
        const double wanted = share * 10'000 * 1000;
        const auto found = static_cast<double>(histogram.at(share).count());
        EXPECT_GE(found, wanted) << share;
        EXPECT_LE(found, wanted * (1 + 1.0 / 64) + 1) << share;
    }
    EXPECT_EQ(histogram.at(1), milliseconds(10));
}

TEST(LatencyHistogram, CountsSmallValuesExactly) {
    LatencyHistogram histogram;
    for (int i = 0; i < 128; ++i) histogram.record(nanoseconds(i));
    EXPECT_EQ(histogram.between(nanoseconds(0), nanoseconds(64)), 64U);
    EXPECT_EQ(histogram.between(nanoseconds(64), nanoseconds(128)), 64U);
    EXPECT_EQ(histogram.at(0.5), nanoseconds(63));
}

TEST(LatencyHistogram, KeepsWhatIsPastItsEnds) {
    LatencyHistogram histogram;
    histogram.record(nanoseconds(-5));
    histogram.record(minutes(90));
    EXPECT_EQ(histogram.count(), 2U);
    EXPECT_EQ(histogram.at(0), nanoseconds(0));
    EXPECT_EQ(histogram.largest(), minutes(90));
    EXPECT_GT(histogram.at(1), minutes(17));
}

TEST(LatencyHistogram, EmptyIsZero) {
    EXPECT_EQ(LatencyHistogram().at(0.99), nanoseconds(0));
}

}  // namespace
}  // namespace headrace::telemetry
