#include "access/directory.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "access/keys.hpp"
#include "access/limits.hpp"

namespace headrace::access {
namespace {

class FixedClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return 1'790'035'205'000; }
};

class MemoryAccounts final : public AccountStore {
  public:
    Result<std::vector<Account>> load_all() override { return rows; }
    void save(Account account, Done<void> done) override {
        if (broken) return done(fail(ErrorCode::unavailable, "disk full"));
        drop(account.kind, account.tenant, account.name);
        rows.push_back(std::move(account));
        done({});
    }
    void remove(AccountKind kind, TenantId tenant, std::string name, Done<void> done) override {
        drop(kind, tenant, name);
        done({});
    }
    void drop(AccountKind kind, const TenantId& tenant, const std::string& name) {
        std::erase_if(rows, [&](const Account& row) {
            return row.kind == kind && row.tenant == tenant && row.name == name;
        });
    }
    std::vector<Account> rows;
    bool broken = false;
};

/// As several servers share: what is saved comes back by take().
class SharedAccounts final : public AccountStore {
  public:
    Result<std::vector<Account>> load_all() override { return std::vector<Account>{}; }
    void save(Account, Done<void> done) override { done({}); }
    void remove(AccountKind, TenantId, std::string, Done<void> done) override { done({}); }
    [[nodiscard]] bool shared() const override { return true; }
};

class NoKeys final : public KeyStore {
  public:
    Result<std::vector<KeyRecord>> load_all() override { return std::vector<KeyRecord>{}; }
    void save(KeyRecord, Done<void> done) override { done({}); }
    void revoke(TenantId, std::string, WallMs, Done<void> done) override { done({}); }
    void note_uses(std::vector<KeyUse>, Done<void> done) override { done({}); }
};

/// A store in which other servers have made what this one has not heard of yet.
class SharedKeys final : public KeyStore {
  public:
    Result<std::vector<KeyRecord>> load_all() override { return std::vector<KeyRecord>{}; }
    void save(KeyRecord record, Done<void> done) override {
        saved.push_back(record.app + '/' + record.user);
        done({});
    }
    void revoke(TenantId, std::string, WallMs, Done<void> done) override { done({}); }
    void note_uses(std::vector<KeyUse>, Done<void> done) override { done({}); }
    [[nodiscard]] bool shared() const override { return true; }
    [[nodiscard]] Contact contact() const override { return heard; }
    void catch_up(Done<void> done) override {
        ++asked;
        directory->take(held_back);
        done({});
    }
    Directory* directory = nullptr;
    std::vector<Account> held_back;
    std::vector<std::string> saved;
    Contact heard = Contact::current;
    int asked = 0;
};

struct DirectoryTest : testing::Test {
    FixedClock clock;
    MemoryAccounts store;
    NoKeys key_store;
    Limiter limiter{clock};
    Directory directory{store, clock, &limiter};
    KeyRing keys{key_store, clock, &directory, &limiter};
    const TenantId acme{"acme"};

    static Account account(AccountKind kind, const char* name, const char* tenant = "acme") {
        Account made;
        made.kind = kind;
        made.tenant = TenantId(tenant);
        made.name = name;
        return made;
    }
    std::string create(Account made) {
        std::string outcome = "none";
        directory.create(std::move(made), [&](Result<Account> answer) {
            outcome = answer ? "ok" : std::string(to_string(answer.error().code));
        });
        return outcome;
    }
    std::string update(AccountKind kind, const char* name, AccountChange change) {
        std::string outcome = "none";
        directory.update(kind, kind == AccountKind::tenant ? TenantId(name) : acme, name,
                         std::move(change), [&](Result<Account> answer) {
                             outcome = answer ? "ok" : std::string(to_string(answer.error().code));
                         });
        return outcome;
    }
    std::string remove(AccountKind kind, const char* name) {
        std::string outcome = "none";
        directory.remove(kind, acme, name, [&](Result<void> answer) {
            outcome = answer ? "ok" : std::string(to_string(answer.error().code));
        });
        return outcome;
    }
    std::optional<NewKey> key(const char* app, const char* user = "") {
        Principal root;
        root.tenant = TenantId("default");
        root.system = true;
        KeySpec spec;
        spec.name = "k";
        spec.tenant = acme;
        spec.app = app;
        spec.user = user;
        std::optional<NewKey> made;
        keys.create(std::move(spec), root, [&](Result<NewKey> answer) {
            if (answer) made = std::move(*answer);
        });
        return made;
    }
    std::string outcome(const NewKey& made) {
        const auto who = keys.authenticate(made.key.reveal(), kThisMachine);
        return who ? "ok" : who.error().message;
    }
};

TEST_F(DirectoryTest, AppsComeAndGo) {
    EXPECT_EQ(create(account(AccountKind::app, "shop")), "ok");
    EXPECT_EQ(create(account(AccountKind::app, "shop")), "conflict");
    EXPECT_EQ(create(account(AccountKind::app, "shop", "globex")), "ok");
    EXPECT_EQ(directory.list(AccountKind::app, acme).size(), 1U);
    EXPECT_EQ(directory.list(AccountKind::app, std::nullopt).size(), 2U);
    EXPECT_FALSE(directory.get(AccountKind::user, acme, "shop"));
    AccountChange change;
    change.title = "The shop";
    EXPECT_EQ(update(AccountKind::app, "shop", change), "ok");
    EXPECT_EQ(directory.get(AccountKind::app, acme, "shop")->title, "The shop");
    EXPECT_EQ(remove(AccountKind::app, "shop"), "ok");
    EXPECT_EQ(remove(AccountKind::app, "shop"), "not_found");
    Directory again(store, clock, nullptr);
    ASSERT_TRUE(again.load());
    EXPECT_EQ(again.list(AccountKind::app, std::nullopt).size(), 1U);
}

TEST_F(DirectoryTest, NamesAndTextsAreChecked) {
    for (const char* bad : {"", ".hidden", "a b", "a/b", "\xc3\xa9", "a\n"}) {
        EXPECT_EQ(create(account(AccountKind::app, bad)), "invalid_argument") << bad;
    }
    EXPECT_EQ(create(account(AccountKind::user, "ann@example.org")), "ok");
    auto named = account(AccountKind::user, "bob");
    named.title = "line\nbreak";
    EXPECT_EQ(create(named), "invalid_argument");
    auto greedy = account(AccountKind::app, "greedy");
    greedy.limits.requests_per_day = 1'000'000'000'001;
    EXPECT_EQ(create(greedy), "invalid_argument");
}

TEST_F(DirectoryTest, AKeyOfAnAppNeedsTheAppAndKeepsIt) {
    EXPECT_FALSE(key("shop"));
    create(account(AccountKind::app, "shop"));
    const auto made = key("shop");
    ASSERT_TRUE(made);
    EXPECT_EQ((*keys.authenticate(made->key.reveal(), kThisMachine))->app, "shop");
    EXPECT_EQ(remove(AccountKind::app, "shop"), "conflict");
    keys.revoke(acme, made->record.id, [](Result<void>) {});
    EXPECT_EQ(remove(AccountKind::app, "shop"), "ok");
}

TEST_F(DirectoryTest, WhoIsSwitchedOffMayNotCall) {
    create(account(AccountKind::app, "shop"));
    create(account(AccountKind::user, "ann"));
    create(account(AccountKind::tenant, "acme"));
    const auto of_app = key("shop");
    const auto of_user = key("", "ann");
    const auto plain = key("");
    const auto held = *keys.authenticate(of_app->key.reveal(), kThisMachine);
    const auto flip = [&](AccountKind kind, const char* name, bool enabled) {
        AccountChange change;
        change.enabled = enabled;
        return update(kind, name, change);
    };
    EXPECT_EQ(flip(AccountKind::app, "shop", false), "ok");
    EXPECT_EQ(outcome(*of_app), "the app shop is switched off");
    EXPECT_FALSE(keys.still_valid(*held));
    EXPECT_EQ(outcome(*of_user), "ok");
    flip(AccountKind::app, "shop", true);
    EXPECT_EQ(outcome(*of_app), "ok");
    EXPECT_TRUE(keys.still_valid(*held));
    flip(AccountKind::user, "ann", false);
    EXPECT_EQ(outcome(*of_user), "the user ann is switched off");
    flip(AccountKind::tenant, "acme", false);
    EXPECT_EQ(outcome(*plain), "the tenant acme is switched off");
    // Those who run the server cannot lock themselves out.
    create(account(AccountKind::tenant, "default", "default"));
    EXPECT_EQ(flip(AccountKind::tenant, "default", false), "invalid_argument");
}

TEST_F(DirectoryTest, LimitsOfAppsTenantsAndModelsHold) {
    auto app = account(AccountKind::app, "shop");
    app.limits.requests_per_minute = 3;
    create(app);
    auto tenant = account(AccountKind::tenant, "acme");
    tenant.limits.requests_per_minute = 100;
    tenant.models = {{"big", {.requests_per_minute = 1}}};
    create(tenant);
    EXPECT_EQ(limiter.subjects(), 3U);
    const auto who = *keys.authenticate(key("shop")->key.reveal(), kThisMachine);
    EXPECT_TRUE(limiter.admit(*who, "big", 0));
    EXPECT_EQ(limiter.admit(*who, "big", 0).error().violations.at(0).path,
              "model.requests_per_minute");
    EXPECT_TRUE(limiter.admit(*who, "small", 0));
    AccountChange change;
    change.models = std::vector<ModelLimits>{};
    update(AccountKind::tenant, "acme", change);
    EXPECT_EQ(limiter.subjects(), 2U);
    EXPECT_TRUE(limiter.admit(*who, "big", 0));
    EXPECT_EQ(limiter.admit(*who, "big", 0).error().violations.at(0).path,
              "app.requests_per_minute");
    Limiter loaded(clock);
    Directory again(store, clock, &loaded);
    ASSERT_TRUE(again.load());
    EXPECT_EQ(loaded.subjects(), 2U);
}

TEST_F(DirectoryTest, WhatCouldNotBeStoredDoesNotHold) {
    store.broken = true;
    auto app = account(AccountKind::app, "shop");
    app.limits.requests_per_minute = 3;
    EXPECT_EQ(create(app), "unavailable");
    EXPECT_FALSE(directory.get(AccountKind::app, acme, "shop"));
    EXPECT_EQ(limiter.subjects(), 0U);
}

TEST_F(DirectoryTest, WhatASharedStoreHoldsTakesThePlaceOfWhatWasKnown) {
    SharedAccounts shared;
    Directory all(shared, clock, &limiter);
    auto tenant = account(AccountKind::tenant, "acme");
    tenant.limits.requests_per_minute = 1;
    tenant.models = {{"m", {0, 5, 0, 0}}};
    auto off = account(AccountKind::app, "shop");
    off.enabled = false;
    all.take({tenant, off});
    EXPECT_EQ(limiter.subjects(), 2U);
    EXPECT_FALSE(all.may_call(acme, "shop", ""));
    tenant.models.clear();
    off.enabled = true;
    all.take({tenant, off});
    EXPECT_EQ(limiter.subjects(), 1U);
    EXPECT_TRUE(all.may_call(acme, "shop", ""));
    all.take({off});
    EXPECT_EQ(limiter.subjects(), 0U);
    EXPECT_FALSE(all.get(AccountKind::tenant, acme, "acme"));
    EXPECT_TRUE(all.get(AccountKind::app, acme, "shop"));
}

TEST_F(DirectoryTest, AKeyOfAnAppThatAnotherServerHasJustMadeIsNotRefused) {
    SharedAccounts accounts;
    Directory all(accounts, clock, &limiter);
    SharedKeys shared;
    shared.directory = &all;
    KeyRing ring(shared, clock, &all, &limiter);
    Principal admin;
    admin.tenant = acme;
    admin.role = Role::admin;
    const auto make = [&](const char* app, const char* user) {
        KeySpec spec;
        spec.tenant = acme;
        spec.app = app;
        spec.user = user;
        std::string outcome = "none";
        ring.create(std::move(spec), admin, [&](Result<NewKey> made) {
            outcome = made ? "ok" : std::string(to_string(made.error().code));
        });
        return outcome;
    };
    EXPECT_EQ(make("", ""), "ok");
    EXPECT_EQ(shared.asked, 0) << "nothing is asked that is known";
    shared.held_back = {account(AccountKind::app, "shop"), account(AccountKind::user, "ann")};
    EXPECT_EQ(make("shop", "ann"), "ok");
    EXPECT_EQ(shared.asked, 1);
    EXPECT_EQ(make("shop", "ann"), "ok");
    EXPECT_EQ(shared.asked, 1);
    EXPECT_EQ(make("shop", "bob"), "invalid_argument") << "nobody has made it";
    EXPECT_EQ(shared.asked, 2);
    shared.heard = Contact::lost;
    EXPECT_EQ(make("shop", "bob"), "unavailable") << "nobody can tell";
    EXPECT_EQ(shared.saved, (std::vector<std::string>{"/", "shop/ann", "shop/ann"}));
}

}  // namespace
}  // namespace headrace::access
