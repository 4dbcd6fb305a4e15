#include "access/limits.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "access/counter_store.hpp"

namespace headrace::access {
namespace {

constexpr WallMs kMidnight = 1'790'035'200'000;  // a full day, so a full minute too

class ManualClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return wall_.load(); }
    std::atomic<WallMs> wall_{kMidnight + 5'000};
};

LimitRule rule(LimitScope scope, const char* name, Limits limits, const char* tenant = "acme") {
    return {{scope, TenantId(tenant), name}, limits};
}

/// Grants as the port says, at once; or is away.
class FakeCounters final : public CounterStore {
  public:
    void take(std::vector<ShareAsk> asks,
              UniqueFunction<void(Result<std::vector<Share>>)> done) override {
        std::vector<Share> shares;
        {
            const std::lock_guard lock(mutex);
            ++calls;
            for (const auto& ask : asks) {
                if (away) break;
                auto& taken = counters[ask.counter + std::to_string(ask.starts)];
                taken += ask.charge;
                const auto left = ask.limit > taken ? ask.limit - taken : 0;
                const auto granted = std::min(ask.want, left);
                taken += granted;
                shares.push_back({granted, taken});
            }
        }
        if (away) return done(fail(ErrorCode::unavailable, "away"));
        done(std::move(shares));
    }
    std::uint64_t taken(const std::string& counter, WallMs starts) {
        return counters[counter + std::to_string(starts)];
    }
    void forget(const std::string& counter, WallMs starts, std::uint64_t last) {
        counters[counter + std::to_string(starts)] -= last;
    }
    std::mutex mutex;
    std::map<std::string, std::uint64_t> counters;
    std::atomic<bool> away{false};
    int calls = 0;
};

struct LimitsTest : testing::Test {
    ManualClock clock;
    Limiter limiter{clock};
    Principal who = [] {
        Principal principal;
        principal.tenant = TenantId("acme");
        principal.key_id = "k1";
        principal.app = "shop";
        return principal;
    }();

    int admitted(int tries, const char* model = "m", std::uint64_t tokens = 0) {
        int count = 0;
        for (int i = 0; i < tries; ++i) count += limiter.admit(who, model, tokens) ? 1 : 0;
        return count;
    }
};

TEST_F(LimitsTest, WithoutRulesEverythingPasses) {
    EXPECT_EQ(admitted(1000), 1000);
    EXPECT_EQ(limiter.subjects(), 0U);
    const auto permit = limiter.admit(who, "m", 10);
    EXPECT_FALSE(permit->view().requests);
    EXPECT_TRUE(limit_headers(permit->view()).empty());
}

TEST_F(LimitsTest, EachScopeLimitsItsOwnSubject) {
    struct Case {
        LimitScope scope;
        const char* name;
        const char* tenant;
        const char* field;
    };
    for (const Case& c : {Case{LimitScope::key, "k1", "acme", "key.requests_per_minute"},
                          Case{LimitScope::app, "shop", "acme", "app.requests_per_minute"},
                          Case{LimitScope::tenant, "", "acme", "tenant.requests_per_minute"},
                          Case{LimitScope::model, "m", "acme", "model.requests_per_minute"},
                          Case{LimitScope::model, "m", "system", "model.requests_per_minute"}}) {
        Limiter fresh(clock);
        fresh.set({rule(c.scope, c.name, {.requests_per_minute = 3}, c.tenant)});
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(fresh.admit(who, "m", 0)) << c.field;
        const auto refused = fresh.admit(who, "m", 0);
        ASSERT_FALSE(refused) << c.field;
        EXPECT_EQ(refused.error().code, ErrorCode::quota_exceeded);
        EXPECT_EQ(refused.error().violations.at(0).path, c.field);
        EXPECT_EQ(refused.error().violations.at(0).limit, "3");
        EXPECT_EQ(refused.error().retry_after_s, 55);
        EXPECT_EQ(fresh.refused(c.scope, LimitKind::requests_per_minute), 1U);
        // Somebody who is not that subject is not limited.
        Principal other = who;
        other.key_id = "k2";
        other.app = "other";
        other.tenant = TenantId("elsewhere");
        const auto system = c.scope == LimitScope::model && std::string(c.tenant) == "system";
        EXPECT_EQ(fresh.admit(other, "m", 0).has_value(), !system) << c.field;
        EXPECT_TRUE(fresh.admit(other, "n", 0));
    }
}

TEST_F(LimitsTest, OfTheSystemsOwnTenantARuleOfAModelIsOne) {
    limiter.set({rule(LimitScope::model, "m", {.requests_per_minute = 3}, "system")});
    who.tenant = TenantId(std::string(kSystemTenant));
    EXPECT_EQ(admitted(10), 3) << "counted once for each, and no lock waits for itself";
    EXPECT_EQ(limiter.view(who, "m").requests->remaining, 0U);
    limiter.charge(who, "m", 1);
}

TEST_F(LimitsTest, TheWindowOpensAgainAtTheFullMinuteAndAtMidnight) {
    limiter.set({rule(LimitScope::key, "k1", {.requests_per_minute = 2, .requests_per_day = 5})});
    EXPECT_EQ(admitted(10), 2);
    clock.wall_ = kMidnight + 59'999;
    EXPECT_EQ(admitted(10), 0);
    clock.wall_ = kMidnight + 60'000;
    EXPECT_EQ(admitted(10), 2);
    clock.wall_ = kMidnight + 120'000;
    EXPECT_EQ(admitted(10), 1);
    EXPECT_EQ(limiter.admit(who, "m", 0).error().retry_after_s, 86'400 - 120);
    clock.wall_ = kMidnight + 86'400'000;
    EXPECT_EQ(admitted(10), 2);
}

TEST_F(LimitsTest, AClockSetBackALittleOpensNothing) {
    limiter.set({rule(LimitScope::key, "k1", {.requests_per_minute = 2})});
    clock.wall_ = kMidnight + 60'500;
    EXPECT_EQ(admitted(10), 2);
    clock.wall_ = kMidnight + 59'500;
    EXPECT_EQ(admitted(10), 0);
    // An hour forward and back again: nobody waits an hour for it.
    clock.wall_ = kMidnight + 3'660'000;
    EXPECT_EQ(admitted(10), 2);
    clock.wall_ = kMidnight + 61'000;
    EXPECT_EQ(admitted(10), 2);
}

TEST_F(LimitsTest, ARefusedRequestCountsNowhere) {
    limiter.set({rule(LimitScope::key, "k1", {.requests_per_minute = 10}),
                 rule(LimitScope::model, "m", {.requests_per_minute = 2})});
    EXPECT_EQ(admitted(8), 2);
    EXPECT_EQ(limiter.view(who, "n").requests->remaining, 8U);
    EXPECT_EQ(admitted(20, "n"), 8);
}

TEST_F(LimitsTest, ConcurrencyIsGivenBackByThePermit) {
    limiter.set({rule(LimitScope::key, "k1", {.concurrency = 2})});
    auto first = limiter.admit(who, "m", 0);
    auto second = limiter.admit(who, "m", 0);
    ASSERT_TRUE(first && second);
    const auto refused = limiter.admit(who, "m", 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().violations.at(0).path, "key.concurrency");
    EXPECT_EQ(refused.error().retry_after_s, 1);
    Permit moved = std::move(*first);
    *first = Permit();
    EXPECT_FALSE(limiter.admit(who, "m", 0));
    moved = Permit();
    EXPECT_TRUE(limiter.admit(who, "m", 0));
}

TEST_F(LimitsTest, TokensAreReservedThenSettled) {
    limiter.set({rule(LimitScope::tenant, "", {.tokens_per_minute = 100})});
    {
        auto permit = limiter.admit(who, "m", 60);
        ASSERT_TRUE(permit);
        EXPECT_FALSE(limiter.admit(who, "m", 50));
        EXPECT_EQ(permit->view().tokens->remaining, 40U);
        permit->settle(30);
        EXPECT_EQ(permit->view().tokens->remaining, 70U);
        permit->settle(99);  // once only
    }
    EXPECT_EQ(limiter.view(who, "m").tokens->remaining, 70U);
    {
        auto dropped = limiter.admit(who, "m", 70);
        ASSERT_TRUE(dropped);
    }
    EXPECT_EQ(limiter.view(who, "m").tokens->remaining, 70U);
    {
        auto longer = limiter.admit(who, "m", 10);
        longer->settle(90);  // more than was left: nobody can take it back
    }
    EXPECT_EQ(limiter.view(who, "m").tokens->remaining, 0U);
    EXPECT_FALSE(limiter.admit(who, "m", 0));
    const auto huge = limiter.admit(who, "m", 101);
    ASSERT_FALSE(huge);
    EXPECT_NE(huge.error().message.find("more than the tenant's limit of 100"), std::string::npos);
}

TEST_F(LimitsTest, WhatASlowAnswerTookBeyondItsEstimateCountsWhenItEnds) {
    limiter.set({rule(LimitScope::key, "k1", {.tokens_per_minute = 100})});
    auto permit = limiter.admit(who, "m", 40);
    clock.wall_ += 60'000;
    permit->settle(70);
    EXPECT_EQ(limiter.view(who, "m").tokens->remaining, 70U);
    limiter.charge(who, "m", 50);
    EXPECT_EQ(limiter.view(who, "m").tokens->remaining, 20U);
}

TEST_F(LimitsTest, AWithdrawnRequestNeverHappened) {
    limiter.set({rule(LimitScope::key, "k1",
                      {.requests_per_minute = 1, .tokens_per_minute = 50, .concurrency = 1})});
    auto permit = limiter.admit(who, "m", 50);
    ASSERT_TRUE(permit);
    permit->withdraw();
    EXPECT_TRUE(limiter.admit(who, "m", 50));
}

TEST_F(LimitsTest, AChangedRuleKeepsWhatWasUsed) {
    limiter.set({rule(LimitScope::key, "k1", {.requests_per_minute = 5})});
    EXPECT_EQ(admitted(3), 3);
    limiter.set({rule(LimitScope::key, "k1", {.requests_per_minute = 4})});
    EXPECT_EQ(admitted(10), 1);
    limiter.set({rule(LimitScope::key, "k1", {})});
    EXPECT_EQ(limiter.subjects(), 0U);
    EXPECT_EQ(admitted(10), 10);
}

TEST_F(LimitsTest, HeadersTellTheTightestLimit) {
    limiter.set(
        {rule(LimitScope::key, "k1", {.requests_per_minute = 10, .requests_per_day = 500}),
         rule(LimitScope::tenant, "", {.requests_per_minute = 8, .tokens_per_minute = 90})});
    const auto permit = limiter.admit(who, "m", 20);
    std::map<std::string, std::string> lines;
    for (auto& [name, value] : limit_headers(permit->view())) lines[std::string(name)] = value;
    const std::map<std::string, std::string> expected{
        {"x-ratelimit-limit-requests", "8"},    {"x-ratelimit-remaining-requests", "7"},
        {"x-ratelimit-reset-requests", "55s"},  {"x-ratelimit-limit-tokens", "90"},
        {"x-ratelimit-remaining-tokens", "70"}, {"x-ratelimit-reset-tokens", "55s"}};
    EXPECT_EQ(lines, expected);
    using std::chrono::milliseconds;
    EXPECT_EQ(reset_text(milliseconds(0)), "0s");
    EXPECT_EQ(reset_text(milliseconds(1)), "1s");
    EXPECT_EQ(reset_text(milliseconds(360'000)), "6m0s");
    EXPECT_EQ(reset_text(milliseconds(86'399'000)), "23h59m59s");
}

// reliability.md 3.3: a race admits exactly what the limit says, whichever limits it is held to.
TEST_F(LimitsTest, ARaceAdmitsExactlyTheLimit) {
    constexpr int kThreads = 64;
    constexpr int kTries = 10'000;
    limiter.set({rule(LimitScope::key, "k1", {.requests_per_day = 1'000}),
                 rule(LimitScope::tenant, "", {.requests_per_day = 1'500, .concurrency = 7}),
                 rule(LimitScope::model, "m", {.tokens_per_minute = 3'000})});
    std::atomic<int> admitted_ones{0};
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kTries; ++i) {
                auto permit = limiter.admit(who, i % 2 == 0 ? "m" : "n", 2);
                if (!permit) continue;
                const int now = running.fetch_add(1) + 1;
                for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
                }
                admitted_ones.fetch_add(1);
                permit->settle(1);
                running.fetch_sub(1);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(admitted_ones, 1'000);
    EXPECT_LE(most, 7);
    EXPECT_GE(most, 1);
    EXPECT_EQ(limiter.view(who, "x").requests->remaining, 0U);
}

TEST_F(LimitsTest, TenThousandKeysTakeLittleMemory) {
    std::vector<LimitRule> rules;
    for (int i = 0; i < 10'000; ++i) {
        rules.push_back(
            rule(LimitScope::key, ("key" + std::to_string(i)).c_str(), {.requests_per_minute = 1}));
    }
    limiter.set(std::move(rules));
    EXPECT_EQ(limiter.subjects(), 10'000U);
    for (int i = 0; i < 20'000; ++i) {
        who.key_id = "key" + std::to_string(i);
        EXPECT_TRUE(limiter.admit(who, "m", 0));
    }
    // Whoever has no rule leaves nothing behind.
    EXPECT_EQ(limiter.subjects(), 10'000U);
}

struct SharedLimits : LimitsTest {
    FakeCounters counters;
    Limiter a{clock, &counters};
    Limiter b{clock, &counters};

    void set(Limits limits) {
        for (Limiter* node : {&a, &b}) node->set({rule(LimitScope::key, "k1", limits)});
    }
    /// Admits, fetching shares as needed.
    Result<Permit> admit(Limiter& node, std::uint64_t tokens = 0) {
        for (int i = 0; i < 100; ++i) {
            auto permit = node.admit(who, "m", tokens);
            if (permit || permit.error().code != ErrorCode::unavailable) return permit;
            node.fetch_share(who, "m", tokens, [](Result<void>) {});
        }
        return fail(ErrorCode::internal, "never decided");
    }
    int admitted(Limiter& node, int tries, std::uint64_t tokens = 0) {
        int count = 0;
        for (int i = 0; i < tries; ++i) count += admit(node, tokens) ? 1 : 0;
        return count;
    }
    static constexpr const char* kCounter = "key/acme/k1/requests_per_minute";
};

TEST_F(SharedLimits, TheFirstRequestNeedsAShare) {
    set({.requests_per_minute = 100});
    const auto first = a.admit(who, "m", 0);
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(admit(a));
    // From then on the store is seldom asked.
    const int calls = counters.calls;
    EXPECT_EQ(admitted(a, 50), 50);
    EXPECT_LE(counters.calls - calls, 20);
}

TEST_F(SharedLimits, TwoServersTogetherAdmitExactlyTheLimit) {
    set({.requests_per_minute = 1'000});
    std::atomic<int> admitted_ones{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t) {
        threads.emplace_back([&, t] {
            Limiter& node = t % 2 == 0 ? a : b;
            for (int i = 0; i < 2'000; ++i) admitted_ones += admit(node) ? 1 : 0;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(admitted_ones, 1'000);
    EXPECT_EQ(counters.taken(kCounter, kMidnight), 1'000U);
    EXPECT_EQ(a.view(who, "m").requests->remaining, 0U);
    clock.wall_ += 60'000;
    EXPECT_EQ(admitted(a, 10), 10);
}

TEST_F(SharedLimits, TokensBeyondTheEstimateReachTheOtherServer) {
    set({.tokens_per_minute = 1'000});
    auto permit = admit(a, 100);
    ASSERT_TRUE(permit);
    permit->settle(900);
    EXPECT_TRUE(admit(a, 10));  // reports what was used beyond the share
    EXPECT_FALSE(admit(b, 500));
    EXPECT_GE(counters.taken("key/acme/k1/tokens_per_minute", kMidnight), 910U);
}

TEST_F(SharedLimits, WhileTheStoreIsAwayEachServerCountsAlone) {
    set({.requests_per_minute = 20});
    counters.away = true;
    EXPECT_EQ(admitted(a, 100), 20);
    EXPECT_EQ(admitted(b, 5), 5);
    // Back again: what was used meanwhile is told, and nobody gets more.
    counters.away = false;
    clock.wall_ += 11'000;
    EXPECT_EQ(admitted(a, 100), 0);
    EXPECT_EQ(admitted(b, 100), 0);
    EXPECT_EQ(counters.taken(kCounter, kMidnight), 25U);
    clock.wall_ += 60'000;
    EXPECT_EQ(admitted(b, 100) + admitted(a, 100), 20);
}

TEST_F(SharedLimits, AStoreThatForgotSharesInACrashLeavesNobodyUndecided) {
    set({.requests_per_minute = 20});
    EXPECT_EQ(admitted(a, 4), 4);
    counters.away = true;
    clock.wall_ += 1;
    EXPECT_EQ(admitted(a, 100), 16);
    counters.forget(kCounter, kMidnight, 2);
    counters.away = false;
    clock.wall_ += 11'000;
    const auto refused = admit(a);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::quota_exceeded);
}

}  // namespace
}  // namespace headrace::access
