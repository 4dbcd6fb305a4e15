#include "main/refusal_quota.hpp"

#include <gtest/gtest.h>

namespace headrace::main {
namespace {

constexpr WallMs kMinute = 60'000;

TEST(RefusalQuotaTest, SoManyOfEachKeyInAMinute) {
    RefusalQuota quota;
    for (std::uint32_t i = 0; i < RefusalQuota::kPerMinute; ++i) {
        EXPECT_EQ(quota.admit("a", kMinute + i), 0U);
    }
    for (int i = 0; i < 7; ++i) EXPECT_FALSE(quota.admit("a", 2 * kMinute - 1));
    EXPECT_EQ(quota.admit("b", kMinute), 0U) << "another key has its own";
    EXPECT_EQ(quota.admit("a", 2 * kMinute), 7U) << "its next line tells";
    EXPECT_EQ(quota.admit("a", 2 * kMinute), 0U);
}

TEST(RefusalQuotaTest, ItsMemoryIsBounded) {
    RefusalQuota quota;
    for (std::size_t i = 0; i < RefusalQuota::kMostKeys; ++i) {
        ASSERT_TRUE(quota.admit("k" + std::to_string(i), kMinute));
    }
    EXPECT_FALSE(quota.admit("one more", kMinute));
    EXPECT_TRUE(quota.admit("k7", kMinute));
    EXPECT_TRUE(quota.admit("one more", 2 * kMinute)) << "those of another minute make room";
}

}  // namespace
}  // namespace headrace::main
