#include "engines/restart_policy.hpp"

#include <gtest/gtest.h>

namespace headrace::engines {
namespace {

using std::chrono::milliseconds;

TEST(RestartPolicy, TheFirstIsAtOnceThenLongerUpToHalfAMinute) {
    RestartPolicy policy;
    EXPECT_EQ(policy.next(milliseconds(10), false), milliseconds(0));
    EXPECT_EQ(policy.next(milliseconds(10), false), milliseconds(100));
    EXPECT_EQ(policy.next(milliseconds(10), false), milliseconds(200));
    for (int i = 0; i < 30; ++i) policy.next(milliseconds(10), false);
    EXPECT_EQ(policy.next(milliseconds(10), false), milliseconds(30'000));
}

TEST(RestartPolicy, AnEngineThatWorksIsBackWithinASecondHoweverOftenItIsKilled) {
    RestartPolicy policy;
    for (int i = 0; i < 100; ++i)
        EXPECT_LT(policy.next(milliseconds(500), true), milliseconds(1'000));
}

TEST(RestartPolicy, AnEngineThatWorksIsForgivenAnEndWhileItStarts) {
    RestartPolicy policy;
    for (int i = 0; i < 100; ++i) policy.next(milliseconds(500), true);
    EXPECT_LT(policy.next(milliseconds(50), false), milliseconds(1'000));
}

TEST(RestartPolicy, AHealthyTimeStartsAnew) {
    RestartPolicy policy;
    for (int i = 0; i < 5; ++i) policy.next(milliseconds(10), false);
    EXPECT_EQ(policy.next(milliseconds(10'000), true), milliseconds(0));
    // A long start that failed was no healthy time.
    EXPECT_GT(policy.next(milliseconds(60'000), false), milliseconds(0));
}

}  // namespace
}  // namespace headrace::engines
