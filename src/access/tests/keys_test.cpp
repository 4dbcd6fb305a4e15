#include "access/keys.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "access/limits.hpp"

namespace headrace::access {
namespace {

class ManualClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return wall_; }
    std::atomic<WallMs> wall_{1'000'000};
};

class MemoryKeyStore final : public KeyStore {
  public:
    Result<std::vector<KeyRecord>> load_all() override {
        std::vector<KeyRecord> out;
        for (const auto& [id, record] : records) out.push_back(record);
        return out;
    }
    void save(KeyRecord record, Done<void> done) override {
        if (broken) return done(fail(ErrorCode::unavailable, "disk full"));
        records[record.id] = std::move(record);
        done({});
    }
    void revoke(TenantId, std::string id, WallMs at, Done<void> done) override {
        records[id].revoked_at = at;
        done({});
    }
    void note_uses(std::vector<KeyUse> uses, Done<void> done) override {
        for (const auto& use : uses) noted[use.id] = use.at;
        done({});
    }
    [[nodiscard]] bool shared() const override { return others; }
    [[nodiscard]] Contact contact() const override { return now; }
    Contact now = Contact::current;
    bool others = false;
    std::map<std::string, WallMs> noted;
    std::map<std::string, KeyRecord> records;
    bool broken = false;
};

struct KeysTest : testing::Test {
    ManualClock clock;
    MemoryKeyStore store;
    KeyRing ring{store, clock};
    Principal admin = [] {
        Principal principal;
        principal.tenant = TenantId("default");
        principal.key_id = "root";
        principal.role = Role::admin;
        principal.system = true;
        return principal;
    }();

    Result<NewKey> create(KeySpec spec) { return create(std::move(spec), admin); }
    Result<NewKey> create(KeySpec spec, const Principal& by) {
        std::optional<Result<NewKey>> answer;
        ring.create(std::move(spec), by, [&](Result<NewKey> made) { answer = std::move(made); });
        return std::move(answer).value();
    }
    Result<NewKey> rotate(const std::string& id, std::chrono::seconds overlap) {
        std::optional<Result<NewKey>> answer;
        ring.rotate(TenantId("acme"), id, overlap,
                    [&](Result<NewKey> made) { answer = std::move(made); });
        return std::move(answer).value();
    }
    bool works(std::string_view key) { return ring.authenticate(key, kThisMachine).has_value(); }
    KeySpec caller(const char* tenant = "acme") {
        return KeySpec{"app", Role::caller, TenantId(tenant), {"ocr"}, 0};
    }
};

TEST_F(KeysTest, AMadeKeyWorksAndItsSecretIsNotKept) {
    const auto made = create(caller());
    ASSERT_TRUE(made);
    const std::string key(made->key.reveal());
    ASSERT_EQ(key.size(), 59U);
    EXPECT_EQ(key.substr(0, 3), "hr_");
    EXPECT_EQ(key.substr(3, 12), made->record.id);
    const auto principal = ring.authenticate(key, kThisMachine);
    ASSERT_TRUE(principal);
    EXPECT_EQ((*principal)->tenant.name, "acme");
    EXPECT_EQ((*principal)->role, Role::caller);
    EXPECT_FALSE((*principal)->system);
    EXPECT_EQ((*principal)->capabilities, std::vector<std::string>{"ocr"});
    EXPECT_EQ(made->record.digest, sha256(key.substr(16)));
    EXPECT_EQ(made->record.created_by, "root");
}

TEST_F(KeysTest, EveryChangedCharacterIsRefused) {
    const std::string key(create(caller())->key.reveal());
    for (std::size_t i = 0; i < key.size(); ++i) {
        std::string changed = key;
        changed[i] = changed[i] == 'a' ? 'b' : 'a';
        const auto refused = ring.authenticate(changed, kThisMachine);
        ASSERT_FALSE(refused) << i;
        EXPECT_EQ(refused.error().code, ErrorCode::unauthenticated);
        EXPECT_EQ(refused.error().message, "the key is not valid");
    }
    for (const std::string& bad : {std::string(), std::string("hr_"), key + "a", key.substr(1),
                                   key.substr(0, 58), std::string(59, '\0')}) {
        EXPECT_FALSE(ring.authenticate(bad, kThisMachine));
    }
}

TEST_F(KeysTest, AnAllZeroDigestIsNobody) {
    EXPECT_FALSE(ring.authenticate("hr_aaaaaaaaaaaa_" + std::string(43, 'A'), kThisMachine));
}

TEST_F(KeysTest, RevokedAndExpiredKeysStopAtOnce) {
    auto spec = caller();
    spec.expires_at = clock.wall() + 1000;
    const auto expiring = create(spec);
    const auto revoked = create(caller());
    ASSERT_TRUE(expiring && revoked);
    const auto held = *ring.authenticate(revoked->key.reveal(), kThisMachine);
    EXPECT_TRUE(ring.still_valid(*held));
    bool done = false;
    ring.revoke(TenantId("acme"), revoked->record.id,
                [&](Result<void> r) { done = r.has_value(); });
    EXPECT_TRUE(done);
    EXPECT_FALSE(ring.still_valid(*held));
    EXPECT_EQ(ring.authenticate(revoked->key.reveal(), kThisMachine).error().message,
              "the key is revoked");
    EXPECT_TRUE(ring.authenticate(expiring->key.reveal(), kThisMachine));
    clock.wall_ += 1000;
    EXPECT_EQ(ring.authenticate(expiring->key.reveal(), kThisMachine).error().message,
              "the key has expired");
}

TEST_F(KeysTest, RevokeAndGetKeepTenantsApart) {
    const auto made = create(caller("acme"));
    std::optional<ErrorCode> code;
    ring.revoke(TenantId("other"), made->record.id, [&](Result<void> r) { code = r.error().code; });
    EXPECT_EQ(code, ErrorCode::not_found);
    EXPECT_TRUE(ring.authenticate(made->key.reveal(), kThisMachine));
    EXPECT_FALSE(ring.get(TenantId("other"), made->record.id));
    EXPECT_TRUE(ring.get(TenantId("acme"), made->record.id));
    EXPECT_TRUE(ring.list(TenantId("other")).empty());
    EXPECT_EQ(ring.list(TenantId("acme")).size(), 1U);
}

TEST_F(KeysTest, WhoMayMakeWhat) {
    Principal tenant_admin = admin;
    tenant_admin.tenant = TenantId("acme");
    tenant_admin.system = false;
    EXPECT_TRUE(create(caller("acme"), tenant_admin));
    EXPECT_EQ(create(caller("other"), tenant_admin).error().code, ErrorCode::permission_denied);
    EXPECT_FALSE(create({"a", Role::admin, TenantId("acme"), {}, 0})->record.system);
    EXPECT_TRUE(create({"a", Role::admin, TenantId("default"), {}, 0})->record.system);
    EXPECT_FALSE(create({"a", Role::operator_, TenantId("default"), {}, 0})->record.system);
}

TEST_F(KeysTest, BadFieldsAreNamed) {
    const auto path_of = [&](KeySpec spec) {
        const auto refused = create(std::move(spec));
        return refused ? std::string("none") : refused.error().violations.at(0).path;
    };
    auto spec = caller();
    spec.name = std::string(201, 'x');
    EXPECT_EQ(path_of(spec), "name");
    EXPECT_EQ(path_of(caller("Bad Tenant")), "tenant");
    EXPECT_EQ(path_of(caller("system")), "tenant");
    spec = caller();
    spec.expires_at = clock.wall();
    EXPECT_EQ(path_of(spec), "expires_at");
    spec = caller();
    spec.capabilities.assign(101, "x");
    EXPECT_EQ(path_of(spec), "capabilities");
}

TEST_F(KeysTest, AKeyThatCouldNotBeStoredDoesNotWork) {
    store.broken = true;
    EXPECT_FALSE(create(caller()));
    EXPECT_TRUE(ring.list(TenantId("acme")).empty());
}

TEST_F(KeysTest, LoadBringsBackWhatWasStored) {
    const std::string key(create(caller())->key.reveal());
    KeyRing again(store, clock);
    EXPECT_FALSE(again.authenticate(key, kThisMachine));
    ASSERT_TRUE(again.load());
    EXPECT_TRUE(again.authenticate(key, kThisMachine));
    EXPECT_TRUE(ring.authenticate(key, kThisMachine))
        << "one thread, two rings: each its own snapshot";
}

TEST_F(KeysTest, OtherThreadsSeeARevocation) {
    const auto made = create(caller());
    const std::string key(made->key.reveal());
    std::atomic<int> step{0};
    bool before = false;
    bool after = true;
    std::thread other([&] {
        before = ring.authenticate(key, kThisMachine).has_value();
        step = 1;
        step.notify_one();
        step.wait(1);
        after = ring.authenticate(key, kThisMachine).has_value();
    });
    step.wait(0);
    ring.revoke(TenantId("acme"), made->record.id, [](Result<void>) {});
    step = 2;
    step.notify_one();
    other.join();
    EXPECT_TRUE(before);
    EXPECT_FALSE(after);
}

TEST_F(KeysTest, ARotatedKeyHasTwoSecretsForAWhile) {
    const auto made = create(caller());
    const std::string first(made->key.reveal());
    const auto second = rotate(made->record.id, std::chrono::seconds(60));
    ASSERT_TRUE(second);
    EXPECT_EQ(second->record.id, made->record.id);
    EXPECT_EQ(second->record.old_until, clock.wall() + 60'000);
    const std::string now(second->key.reveal());
    ASSERT_NE(first, now);
    EXPECT_TRUE(works(first));
    EXPECT_TRUE(works(now));
    clock.wall_ += 59'999;
    EXPECT_TRUE(works(first));
    clock.wall_ += 1;
    EXPECT_FALSE(works(first));
    EXPECT_TRUE(works(now));
    // The one before the last stops at the next rotation, and without overlap the last one too.
    const std::string third(rotate(made->record.id, std::chrono::seconds(60))->key.reveal());
    const std::string fourth(rotate(made->record.id, std::chrono::seconds(0))->key.reveal());
    EXPECT_FALSE(works(now));
    EXPECT_FALSE(works(third));
    EXPECT_TRUE(works(fourth));
    EXPECT_EQ(store.records[made->record.id].digest, sha256(fourth.substr(16)));
    ring.revoke(TenantId("acme"), made->record.id, [](Result<void>) {});
    EXPECT_EQ(rotate(made->record.id, std::chrono::seconds(0)).error().code, ErrorCode::conflict);
    EXPECT_EQ(rotate("nobody", std::chrono::seconds(0)).error().code, ErrorCode::not_found);
}

TEST_F(KeysTest, ARotationThatCouldNotBeStoredChangesNothing) {
    const auto made = create(caller());
    store.broken = true;
    EXPECT_FALSE(rotate(made->record.id, std::chrono::seconds(0)));
    EXPECT_TRUE(works(made->key.reveal()));
}

TEST_F(KeysTest, AnAddressListIsKept) {
    auto spec = caller();
    spec.addresses = {"10.0.0.0/8", "2001:db8::/32"};
    const auto made = create(spec);
    ASSERT_TRUE(made);
    const auto from = [&](const char* address) {
        const auto who = ring.authenticate(made->key.reveal(), address);
        return who ? "in" : std::string(to_string(who.error().code));
    };
    EXPECT_EQ(from("10.1.2.3"), "in");
    EXPECT_EQ(from("::ffff:10.1.2.3"), "in");
    EXPECT_EQ(from("2001:db8::9"), "in");
    for (const char* other : {"11.0.0.1", "127.0.0.1", "", "::1", "nonsense", "10.0.0.1.evil"}) {
        EXPECT_EQ(from(other), "permission_denied") << other;
    }
    // The secret comes first: whoever does not have it does not learn about the list.
    const auto wrong = ring.authenticate("hr_" + made->record.id + "_" + std::string(43, 'A'), "");
    EXPECT_EQ(wrong.error().code, ErrorCode::unauthenticated);
    spec.addresses = {"10.0.0.0/33"};
    EXPECT_EQ(create(spec).error().violations.at(0).path, "addresses");
}

TEST_F(KeysTest, AChangeWorksAtOnceAndKeepsTheSecret) {
    const auto made = create(caller());
    KeyChange change;
    change.name = "renamed";
    change.capabilities = std::vector<std::string>{"speak"};
    change.expires_at = clock.wall() + 5'000;
    std::optional<Result<KeyRecord>> answer;
    ring.update(TenantId("acme"), made->record.id, change,
                [&](Result<KeyRecord> changed) { answer = std::move(changed); });
    ASSERT_TRUE(answer && *answer);
    const auto who = ring.authenticate(made->key.reveal(), kThisMachine);
    ASSERT_TRUE(who);
    EXPECT_EQ((*who)->name, "renamed");
    EXPECT_FALSE(may_use(**who, "ocr"));
    EXPECT_TRUE(may_use(**who, "anything", "speak"));
    clock.wall_ += 5'000;
    EXPECT_FALSE(works(made->key.reveal()));
    ring.update(TenantId("elsewhere"), made->record.id, change,
                [&](Result<KeyRecord> changed) { answer = std::move(changed); });
    EXPECT_EQ(answer->error().code, ErrorCode::not_found);
}

TEST_F(KeysTest, LimitsOfAKeyReachTheLimiter) {
    Limiter limiter(clock);
    KeyRing limited(store, clock, nullptr, &limiter);
    auto spec = caller();
    spec.limits.requests_per_minute = 1;
    std::optional<NewKey> made;
    limited.create(spec, admin, [&](Result<NewKey> answer) { made = std::move(*answer); });
    const auto who = *limited.authenticate(made->key.reveal(), kThisMachine);
    EXPECT_TRUE(limiter.admit(*who, "m", 0));
    EXPECT_FALSE(limiter.admit(*who, "m", 0));
    limited.revoke(TenantId("acme"), made->record.id, [](Result<void>) {});
    EXPECT_EQ(limiter.subjects(), 0U);
    // Loaded keys bring theirs with them, revoked ones none.
    Limiter fresh(clock);
    KeyRing again(store, clock, nullptr, &fresh);
    limited.create(spec, admin, [](Result<NewKey>) {});
    ASSERT_TRUE(again.load());
    EXPECT_EQ(fresh.subjects(), 1U);
}

TEST_F(KeysTest, LastUsesAreNotedOnce) {
    const auto made = create(caller());
    const auto idle = create(caller());
    EXPECT_EQ(ring.find(made->record.id)->last_used, 0);
    clock.wall_ += 10'000;
    EXPECT_TRUE(works(made->key.reveal()));
    EXPECT_EQ(ring.find(made->record.id)->last_used, clock.wall());
    ring.note_uses([](Result<void> noted) { EXPECT_TRUE(noted); });
    EXPECT_EQ(store.noted.size(), 1U);
    EXPECT_EQ(store.noted[made->record.id], clock.wall());
    // A use during the note may be written twice, but not for ever.
    for (int i = 0; i < 2; ++i) {
        store.noted.clear();
        clock.wall_ += 60'000;
        ring.note_uses([](Result<void> noted) { EXPECT_TRUE(noted); });
    }
    EXPECT_TRUE(store.noted.empty());
    EXPECT_EQ(ring.find(idle->record.id)->last_used, 0);
}

// The store may go away for good: what is known works on, and what was revoked does not.
TEST_F(KeysTest, KnownKeysWorkWithoutTheStore) {
    const auto made = create(caller());
    store.broken = true;
    store.records.clear();
    clock.wall_ += 90LL * 86'400'000;
    EXPECT_TRUE(works(made->key.reveal()));
    EXPECT_FALSE(create(caller()));
}

TEST_F(KeysTest, WithoutContactNobodyIsToldThatAKeyIsWrong) {
    const auto made = create(caller());
    const auto gone = create(caller());
    std::string key(made->key.reveal());
    ring.revoke(TenantId("acme"), gone->record.id, [](Result<void>) {});
    std::string wrong = key;
    wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
    const auto code = [this](std::string_view text) {
        const auto who = ring.authenticate(text, kThisMachine);
        if (!who && who.error().code == ErrorCode::unavailable) {
            EXPECT_GT(who.error().retry_after_s, 0);
        }
        return who ? "ok" : std::string(to_string(who.error().code));
    };
    const auto codes = [&](Contact contact) {
        store.now = contact;
        return std::vector<std::string>{code(key), code(wrong), code(gone->key.reveal()),
                                        code("hr_")};
    };
    using Codes = std::vector<std::string>;
    const std::string no = "unauthenticated";
    const std::string later = "unavailable";
    EXPECT_EQ(codes(Contact::current), (Codes{"ok", no, no, no}));
    EXPECT_EQ(codes(Contact::lost), (Codes{"ok", later, no, no}));
    EXPECT_EQ(codes(Contact::expired), (Codes{later, later, no, no}));
    EXPECT_FALSE(ring.check_contact());
    EXPECT_EQ(codes(Contact::current), (Codes{"ok", no, no, no}));
}

TEST_F(KeysTest, ASharedStoreTellsTheRingWhatChanged) {
    store.others = true;
    const auto made = create(caller());
    ASSERT_TRUE(made);
    EXPECT_FALSE(works(made->key.reveal())) << "by take(), and not before";
    ring.take({store.records.at(made->record.id)});
    EXPECT_TRUE(works(made->key.reveal()));
    auto elsewhere = store.records.at(made->record.id);
    elsewhere.revoked_at = clock.wall();
    elsewhere.version = 2;
    ring.take({elsewhere});
    EXPECT_FALSE(works(made->key.reveal()));
    EXPECT_EQ(ring.find(made->record.id)->version, 2U);
    ring.take_uses({{TenantId("acme"), made->record.id, 7'000'000},
                    {TenantId("other"), made->record.id, 9'000'000}});
    EXPECT_EQ(ring.find(made->record.id)->last_used, 7'000'000);
    ring.take_uses({{TenantId("acme"), made->record.id, 5}});
    EXPECT_EQ(ring.find(made->record.id)->last_used, 7'000'000);
}

TEST(Bearer, TakesOnlyItsScheme) {
    EXPECT_EQ(bearer_of("Bearer abc"), "abc");
    EXPECT_EQ(bearer_of("bEARER   abc  "), "abc");
    EXPECT_FALSE(bearer_of("Basic abc"));
    EXPECT_FALSE(bearer_of("Bearer"));
    EXPECT_FALSE(bearer_of(""));
}

TEST_F(KeysTest, AdminKeyFileIsPrivateAndKept) {
    const auto folder = std::filesystem::path(testing::TempDir()) /
                        ("admin_key_test-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const std::string path = folder / "admin.key";
    const auto content = [&] {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    ASSERT_TRUE(ensure_admin_key(ring, path));
    const std::string first = content();
    ASSERT_EQ(first.size(), 60U);
    EXPECT_EQ(first.back(), '\n');
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_TRUE((*ring.authenticate(first.substr(0, 59), kThisMachine))->system);
    ASSERT_TRUE(ensure_admin_key(ring, path));
    EXPECT_EQ(content(), first);
    std::ofstream(path) << "something else\n";
    ASSERT_TRUE(ensure_admin_key(ring, path));
    EXPECT_NE(content(), first);
    EXPECT_TRUE(ring.authenticate(content().substr(0, 59), kThisMachine));
    EXPECT_FALSE(ensure_admin_key(ring, (folder / "no" / "such" / "folder").string()));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace headrace::access
