#include "workers/hub/rate_cap.hpp"

#include <gtest/gtest.h>

namespace headrace::workers::hub {
namespace {

TEST(RateCap, LetsABurstThroughThenSoManyPerSecond) {
    RateCap cap(10);
    const SteadyTime start{std::chrono::seconds(100)};
    int passed = 0;
    for (int i = 0; i < 50; ++i) passed += cap.allow(start) ? 1 : 0;
    EXPECT_EQ(passed, 10);
    EXPECT_EQ(cap.take_dropped(), 40U);
    EXPECT_EQ(cap.take_dropped(), 0U);
    EXPECT_FALSE(cap.allow(start + milliseconds(50)));
    EXPECT_TRUE(cap.allow(start + milliseconds(150)));
}

}  // namespace
}  // namespace headrace::workers::hub
