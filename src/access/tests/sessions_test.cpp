#include "access/sessions.hpp"

#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "access/keys.hpp"

namespace headrace::access {
namespace {

using namespace std::chrono_literals;

class ManualClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return SteadyTime(elapsed); }
    [[nodiscard]] WallMs wall() const override {
        return 1'000'000 + std::chrono::duration_cast<milliseconds>(elapsed).count();
    }
    std::chrono::nanoseconds elapsed{1h};
};

class MemoryKeyStore final : public KeyStore {
  public:
    Result<std::vector<KeyRecord>> load_all() override { return std::vector<KeyRecord>{}; }
    void save(KeyRecord, Done<void> done) override { done({}); }
    void revoke(TenantId, std::string, WallMs, Done<void> done) override { done({}); }
    void note_uses(std::vector<KeyUse>, Done<void> done) override { done({}); }
};

struct SessionsTest : testing::Test {
    ManualClock clock;
    MemoryKeyStore store;
    KeyRing ring{store, clock};
    SessionSettings settings;
    std::optional<Sessions> made;
    NewKey admin_key = *ring.create_first_admin();
    std::shared_ptr<const Principal> admin =
        *ring.authenticate(admin_key.key.reveal(), kThisMachine);

    Sessions& sessions() {
        if (!made) made.emplace(ring, clock, settings);
        return *made;
    }
    NewKey key_for(Role role, WallMs expires_at = 0) {
        std::optional<Result<NewKey>> answer;
        ring.create({"k", role, TenantId("acme"), {}, expires_at}, *admin,
                    [&](Result<NewKey> key) { answer = std::move(key); });
        return std::move(**answer);
    }
    static ErrorCode code(const auto& result) {
        return result ? ErrorCode::internal : result.error().code;
    }
};

TEST_F(SessionsTest, ALinkSignsInOnce) {
    const auto link = sessions().make_link(admin);
    EXPECT_EQ(link.expires_at, clock.wall() + 15 * 60 * 1000);
    auto opened = sessions().open_with_link(link.token.reveal(), "::1");
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->signed_in.who->key_id, admin->key_id);
    const auto found = sessions().find(opened->cookie.reveal());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->csrf, opened->signed_in.csrf);
    EXPECT_EQ(found->expires_at, opened->signed_in.expires_at);
    EXPECT_EQ(code(sessions().open_with_link(link.token.reveal(), "::1")),
              ErrorCode::unauthenticated);
}

TEST_F(SessionsTest, ALinkIsGoodForAWhileAndWithItsKey) {
    const auto late = sessions().make_link(admin);
    clock.elapsed += 15min;
    EXPECT_FALSE(sessions().open_with_link(late.token.reveal(), "a"));
    const auto key = key_for(Role::admin);
    const auto link = sessions().make_link(*ring.authenticate(key.key.reveal(), kThisMachine));
    ring.revoke(TenantId("acme"), key.record.id, [](Result<void>) {});
    EXPECT_FALSE(sessions().open_with_link(link.token.reveal(), "a"));
}

TEST_F(SessionsTest, ATokenOfOneKindIsNoneOfTheOther) {
    const auto link = sessions().make_link(admin);
    EXPECT_FALSE(sessions().find(link.token.reveal()));
    const auto opened = sessions().open_with_key(admin_key.key.reveal(), "a");
    EXPECT_FALSE(sessions().open_with_link(opened->cookie.reveal(), "a"));
    auto changed = std::string(opened->cookie.reveal());
    changed.back() = changed.back() == 'A' ? 'B' : 'A';
    EXPECT_FALSE(sessions().find(changed));
    EXPECT_FALSE(sessions().find(""));
    EXPECT_FALSE(sessions().find(std::string(10'000, 'x')));
}

TEST_F(SessionsTest, IdleAndAbsoluteEnds) {
    const auto idle = sessions().open_with_key(admin_key.key.reveal(), "a");
    const auto used = sessions().open_with_key(admin_key.key.reveal(), "a");
    clock.elapsed += 11h;
    EXPECT_TRUE(sessions().find(used->cookie.reveal()));
    clock.elapsed += 1h;
    EXPECT_FALSE(sessions().find(idle->cookie.reveal())) << "12 h without a request";
    for (int hours = 12; hours < 7 * 24 - 6; hours += 6) {
        EXPECT_TRUE(sessions().find(used->cookie.reveal())) << hours;
        clock.elapsed += 6h;
    }
    clock.elapsed += 6h;
    EXPECT_FALSE(sessions().find(used->cookie.reveal())) << "7 days, whatever happens";
}

TEST_F(SessionsTest, EndsWithItsKeyAndWithSignOut) {
    const auto key = key_for(Role::caller, clock.wall() + 60'000);
    const auto opened = sessions().open_with_key(key.key.reveal(), "a");
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->signed_in.expires_at, clock.wall() + 60'000) << "the key's own end";
    EXPECT_TRUE(sessions().find(opened->cookie.reveal()));
    clock.elapsed += 1min;
    EXPECT_FALSE(sessions().find(opened->cookie.reveal()));
    const auto other = sessions().open_with_key(admin_key.key.reveal(), "a");
    EXPECT_TRUE(sessions().close(other->cookie.reveal()));
    EXPECT_FALSE(sessions().close(other->cookie.reveal()));
    EXPECT_FALSE(sessions().find(other->cookie.reveal()));
}

TEST_F(SessionsTest, AWorkerKeyDoesNotSignIn) {
    const auto key = key_for(Role::worker);
    EXPECT_EQ(code(sessions().open_with_key(key.key.reveal(), "a")), ErrorCode::permission_denied);
}

TEST_F(SessionsTest, CsrfTokensDiffer) {
    const auto one = sessions().open_with_key(admin_key.key.reveal(), "a");
    const auto two = sessions().open_with_key(admin_key.key.reveal(), "a");
    EXPECT_NE(one->signed_in.csrf, two->signed_in.csrf);
    EXPECT_EQ(one->signed_in.csrf.size(), 43U);
}

TEST_F(SessionsTest, TooManyFailuresHoldOneAddressBack) {
    for (std::size_t i = 0; i < FailureLimit::kFailures; ++i) {
        EXPECT_EQ(code(sessions().open_with_key("hr_nonsense", "10.0.0.1")),
                  ErrorCode::unauthenticated);
    }
    const auto link = sessions().make_link(admin);
    const auto held = sessions().open_with_link(link.token.reveal(), "10.0.0.1");
    EXPECT_EQ(code(held), ErrorCode::quota_exceeded);
    EXPECT_EQ(held.error().retry_after_s, 60);
    EXPECT_TRUE(sessions().open_with_key(admin_key.key.reveal(), "10.0.0.2"));
    clock.elapsed += 1min;
    EXPECT_TRUE(sessions().open_with_link(link.token.reveal(), "10.0.0.1"))
        << "the link was not used up meanwhile";
}

TEST(FailureLimit, OneIpv6NetworkIsOneAddress) {
    FailureLimit limit;
    const SteadyTime now{1h};
    for (std::size_t i = 0; i < FailureLimit::kFailures; ++i) {
        limit.failed("2001:db8::" + std::to_string(i + 1), now);
    }
    EXPECT_GT(limit.wait_s("2001:db8::ffff", now), 0);
    EXPECT_EQ(limit.wait_s("2001:db8:0:1::1", now), 0);
    EXPECT_EQ(limit.wait_s("2001:db8::1", now + FailureLimit::kWindow), 0);
}

TEST(FailureLimit, RemembersABoundedNumberOfAddresses) {
    FailureLimit limit;
    SteadyTime now{1h};
    for (std::size_t i = 0; i < FailureLimit::kFailures; ++i) limit.failed("first", now);
    now += 1s;
    for (std::size_t i = 0; i < FailureLimit::kAddresses; ++i) {
        limit.failed("a" + std::to_string(i), now);
    }
    EXPECT_EQ(limit.wait_s("first", now), 0) << "forgotten: its window would have ended first";
}

TEST_F(SessionsTest, TheirNumberIsBounded) {
    settings.sessions = 2;
    const auto first = sessions().open_with_key(admin_key.key.reveal(), "a");
    clock.elapsed += 1s;
    const auto second = sessions().open_with_key(admin_key.key.reveal(), "a");
    clock.elapsed += 1s;
    EXPECT_TRUE(sessions().find(first->cookie.reveal()));
    clock.elapsed += 1s;
    const auto third = sessions().open_with_key(admin_key.key.reveal(), "a");
    EXPECT_TRUE(sessions().find(first->cookie.reveal()));
    EXPECT_FALSE(sessions().find(second->cookie.reveal())) << "unused longest";
    EXPECT_TRUE(sessions().find(third->cookie.reveal()));
}

}  // namespace
}  // namespace headrace::access
