#include "base/ids.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/shared_ids.hpp"

namespace headrace {
namespace {

struct StillClock : Clock {
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return 1'700'000'000'000; }
};

TEST(Ids, AreVersionSevenAndRiseInTextOrder) {
    const StillClock clock;
    IdSource source(clock, 7);
    std::string last;
    for (int i = 0; i < 20'000; ++i) {  // more than the counter holds in one millisecond
        const std::string text = source.next().text();
        EXPECT_EQ(text[14], '7');
        EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
        ASSERT_LT(last, text);
        last = text;
    }
}

TEST(Ids, TextAndRawRoundTrip) {
    const StillClock clock;
    IdSource source(clock);
    const auto id = source.make<JobId>();
    EXPECT_EQ(JobId::parse(id.text()), id);
    EXPECT_EQ(JobId::from_raw(id.raw()), id);
    EXPECT_FALSE(JobId::parse("not-an-id"));
    EXPECT_FALSE(JobId::parse(id.text() + "0"));
    EXPECT_FALSE(JobId::from_raw("short"));
}

TEST(Ids, SameSeedSameIds) {
    const StillClock clock;
    IdSource a(clock, 42);
    IdSource b(clock, 42);
    EXPECT_EQ(a.next(), b.next());
}

TEST(SharedIds, AreNeverMadeTwiceWhicheverThreadAsks) {
    constexpr std::size_t kThreads = 4;
    constexpr std::size_t kEach = 5'000;
    const StillClock clock;
    SharedIds shared(clock);
    std::array<std::vector<Uuid>, kThreads> made;
    {
        std::vector<std::jthread> threads;
        for (auto& mine : made) {
            threads.emplace_back([&shared, &mine] {
                for (std::size_t i = 0; i < kEach; ++i) mine.push_back(shared.make<Uuid>());
            });
        }
    }
    std::set<Uuid> all;
    for (const auto& mine : made) {
        EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
        all.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(all.size(), kThreads * kEach);
}

}  // namespace
}  // namespace headrace
