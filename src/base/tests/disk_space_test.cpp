#include "base/disk_space.hpp"

#include <gtest/gtest.h>

namespace headrace {
namespace {

class ManualClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return time; }
    [[nodiscard]] WallMs wall() const override { return 0; }
    SteadyTime time{};
};

TEST(DiskSpace, EitherMarkMakesItLow) {
    ManualClock clock;
    EXPECT_FALSE(DiskSpace("/", {0, 0}, clock).low());
    EXPECT_TRUE(DiskSpace("/", {1ULL << 62, 0}, clock).low());
    EXPECT_TRUE(DiskSpace("/", {0, 100.1}, clock).low());
    EXPECT_FALSE(DiskSpace("/no/such/folder", {1ULL << 62, 0}, clock).low());
}

}  // namespace
}  // namespace headrace
