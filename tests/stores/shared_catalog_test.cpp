// What only the catalog in PostgreSQL promises: servers hear of each other, nobody overwrites what
// another has changed, a foreign master key is refused, what was kept before is taken over once.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "access/limits.hpp"
#include "catalogs_under_test.hpp"
#include "stores/postgres/catalog_setup.hpp"
#include "stores/postgres/catalog_stores.hpp"

namespace headrace::stores {
namespace {

constexpr std::chrono::seconds kPatience{60};

template <class Condition>
bool eventually(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

/// One server: what it knows, and what it is told.
struct Node {
    explicit Node(SharedDatabase& database) : catalog(database.server()) {
        EXPECT_TRUE(directory.load());
        EXPECT_TRUE(ring.load());
        SharedCatalog::Listener listener;
        listener.keys = [this](auto records) { ring.take(std::move(records)); };
        listener.uses = [this](auto uses) { ring.take_uses(uses); };
        listener.accounts = [this](auto all) { directory.take(std::move(all)); };
        listener.upstreams = [this](auto specs) {
            const std::lock_guard lock(mutex);
            upstreams = std::move(specs);
        };
        catalog->listen(std::move(listener));
    }
    ~Node() { catalog->listen({}); }

    Result<access::NewKey> make(const char* tenant = "acme") {
        access::KeySpec spec;
        spec.tenant = TenantId(tenant);
        access::Principal by;
        by.system = true;
        return wait<access::NewKey>(
            [&](auto done) { ring.create(std::move(spec), by, std::move(done)); });
    }
    bool knows(const access::NewKey& key) {
        return ring.authenticate(key.key.reveal(), "").has_value();
    }

    std::unique_ptr<SharedCatalog> catalog;
    SystemClock clock;
    PostgresKeyStore key_store{*catalog, clock};
    PostgresAccountStore accounts{*catalog};
    access::Limiter limiter{clock};
    access::Directory directory{accounts, clock, &limiter};
    access::KeyRing ring{key_store, clock, &directory, &limiter};
    std::mutex mutex;
    std::vector<upstreams::UpstreamSpec> upstreams;
};

struct SharedCatalogTest : testing::Test {
    SharedDatabase database;
};

TEST_F(SharedCatalogTest, WhatOneServerChangesTheOthersHear) {
    Node a(database);
    Node b(database);
    const auto made = a.make();
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(a.knows(*made)) << "before it is answered";
    EXPECT_TRUE(eventually([&] { return b.knows(*made); }));
    ASSERT_TRUE(wait<void>(
        [&](auto done) { b.ring.revoke(TenantId("acme"), made->record.id, std::move(done)); }));
    EXPECT_FALSE(b.knows(*made));
    EXPECT_TRUE(eventually([&] { return !a.knows(*made); }));
    EXPECT_EQ(a.ring.authenticate(made->key.reveal(), "").error().code, ErrorCode::unauthenticated);

    access::Account account;
    account.tenant = TenantId("acme");
    account.limits.requests_per_day = 7;
    ASSERT_TRUE(
        wait<access::Account>([&](auto done) { a.directory.create(account, std::move(done)); }));
    const auto limit_at = [](Node& node) -> std::uint64_t {
        const auto known =
            node.directory.get(access::AccountKind::tenant, TenantId("acme"), "acme");
        return known ? known->limits.requests_per_day : 0;
    };
    EXPECT_EQ(limit_at(a), 7U);
    EXPECT_TRUE(eventually([&] { return limit_at(b) == 7; }));
    ASSERT_TRUE(wait<void>([&](auto done) {
        b.directory.remove(access::AccountKind::tenant, TenantId("acme"), "acme", std::move(done));
    }));
    EXPECT_TRUE(eventually([&] { return limit_at(a) == 0; }));
}

TEST_F(SharedCatalogTest, NobodyOverwritesWhatAnotherHasChanged) {
    Node a(database);
    const auto made = a.make();
    ASSERT_TRUE(made);
    const auto other = database.server();
    PostgresKeyStore elsewhere(*other, a.clock);
    auto stale = elsewhere.load_all()->at(0);
    ASSERT_TRUE(wait<void>(
        [&](auto done) { a.ring.revoke(TenantId("acme"), made->record.id, std::move(done)); }));
    // It has not heard that the key is revoked, and would bring it back to life.
    stale.name = "renamed";
    const auto saved =
        wait<void>([&](auto done) { elsewhere.save(std::move(stale), std::move(done)); });
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, ErrorCode::conflict);
    EXPECT_NE(elsewhere.load_all()->at(0).revoked_at, 0);
}

TEST_F(SharedCatalogTest, WhatAnotherHasRemovedDoesNotComeBack) {
    Node a(database);
    access::Account account;
    account.tenant = TenantId("acme");
    ASSERT_TRUE(
        wait<access::Account>([&](auto done) { a.directory.create(account, std::move(done)); }));
    const auto other = database.server();
    PostgresAccountStore elsewhere(*other);
    auto stale = elsewhere.load_all()->at(0);
    const auto save = [&] {
        return wait<void>([&](auto done) { elsewhere.save(stale, std::move(done)); });
    };
    stale.title = "first";
    ASSERT_TRUE(save());
    const auto second = save();
    ASSERT_FALSE(second) << "of the version before";
    EXPECT_EQ(second.error().code, ErrorCode::conflict);
    stale = elsewhere.load_all()->at(0);
    ASSERT_TRUE(wait<void>([&](auto done) {
        a.directory.remove(access::AccountKind::tenant, TenantId("acme"), "acme", std::move(done));
    }));
    const auto after = save();
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().code, ErrorCode::conflict);
    EXPECT_TRUE(elsewhere.load_all()->empty());
}

TEST_F(SharedCatalogTest, OfTwoWhoMakeTheSameAccountOneIsTold) {
    Node a(database);
    Node b(database);
    std::atomic<int> made{0};
    std::atomic<int> conflicts{0};
    constexpr int kRounds = 40;
    const auto run = [&](Node& node) {
        for (int i = 0; i < kRounds; ++i) {
            access::Account account;
            account.kind = access::AccountKind::app;
            account.tenant = TenantId("acme");
            account.name = "app" + std::to_string(i);
            const auto done = wait<access::Account>(
                [&](auto answer) { node.directory.create(account, std::move(answer)); });
            if (done) ++made;
            if (!done && done.error().code == ErrorCode::conflict) ++conflicts;
        }
    };
    std::thread one([&] { run(a); });
    std::thread two([&] { run(b); });
    one.join();
    two.join();
    EXPECT_EQ(made, kRounds);
    EXPECT_EQ(conflicts, kRounds);
}

TEST_F(SharedCatalogTest, ManyChangesFromBothSidesAllArrive) {
    Node a(database);
    Node b(database);
    constexpr int kEach = 60;
    const auto run = [](Node& node) {
        for (int i = 0; i < kEach; ++i) EXPECT_TRUE(node.make());
    };
    std::thread one([&] { run(a); });
    std::thread two([&] { run(b); });
    one.join();
    two.join();
    for (Node* node : {&a, &b}) {
        EXPECT_TRUE(eventually([&] { return node->ring.list_all().size() == 2U * kEach; }));
    }
}

TEST_F(SharedCatalogTest, ADamagedRowSwitchesNobodysLimitOff) {
    Node a(database);
    Node b(database);
    const auto make = [](Node& node, const char* name) {
        access::Account account;
        account.kind = access::AccountKind::app;
        account.tenant = TenantId("acme");
        account.name = name;
        account.enabled = false;
        return wait<access::Account>(
                   [&](auto done) { node.directory.create(account, std::move(done)); })
            .has_value();
    };
    const auto is_off = [](Node& node, const char* name) {
        return !node.directory.may_call(TenantId("acme"), name, "").has_value();
    };
    ASSERT_TRUE(make(a, "shop"));
    EXPECT_TRUE(eventually([&] { return is_off(b, "shop"); }));
    database.run("UPDATE accounts SET sum = sum + 1");
    ASSERT_TRUE(make(a, "desk"));
    const auto key = a.make();
    ASSERT_TRUE(key);
    EXPECT_TRUE(eventually([&] { return b.knows(*key); })) << "it came after the app";
    EXPECT_TRUE(is_off(a, "shop") && is_off(b, "shop"));
    database.run("UPDATE accounts SET sum = sum - 1 WHERE name = 'shop'");
    ASSERT_TRUE(make(b, "till"));
    EXPECT_TRUE(eventually([&] { return is_off(a, "desk") && is_off(a, "till"); }));
}

TEST_F(SharedCatalogTest, AForeignMasterKeyIsRefused) {
    const auto first = database.server();
    const auto stranger = database.master_keys("other.key");
    const auto refused = database.server_with(stranger);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
    EXPECT_TRUE(database.server_with(database.master_keys()));
}

TEST_F(SharedCatalogTest, AServerThatMissesTheNewestMasterKeyIsRefused) {
    const auto old = database.master_keys();
    const auto first = database.server();
    // The same keys and one more, as a rotation leaves them.
    const auto rotated = database.rotated_keys();
    ASSERT_TRUE(database.server_with(rotated));
    const auto refused = database.server_with(old);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
}

TEST_F(SharedCatalogTest, ServersThatStartTogetherHaveOneFirstAdmin) {
    constexpr int kServers = 6;
    std::vector<std::string> keys(kServers);
    std::vector<std::thread> threads;
    for (int i = 0; i < kServers; ++i) {
        threads.emplace_back([&, i] {
            Node node(database);
            const auto made = node.ring.create_first_admin();
            ASSERT_TRUE(made) << made.error().message;
            keys[static_cast<std::size_t>(i)] = made->key.reveal();
            EXPECT_TRUE(node.knows(*made));
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& key : keys) EXPECT_EQ(key, keys.front());
    Node node(database);
    ASSERT_EQ(node.ring.list_all().size(), 1U);
    // Once it is revoked, the next start makes another.
    const auto id = node.ring.list_all().front().id;
    ASSERT_TRUE(
        wait<void>([&](auto done) { node.ring.revoke(TenantId("default"), id, std::move(done)); }));
    const auto next = node.ring.create_first_admin();
    ASSERT_TRUE(next);
    EXPECT_NE(next->key.reveal(), keys.front());
    EXPECT_TRUE(node.knows(*next));
}

TEST_F(SharedCatalogTest, WhatAServerKeptBeforeIsTakenOverOnce) {
    OwnCatalog own;
    access::KeyRecord key;
    key.id = "abcdefghijkm";
    key.tenant = TenantId("acme");
    key.last_used = 77;
    own.keys = {key};
    access::Account account;
    account.tenant = TenantId("acme");
    account.name = "acme";
    account.title = "of a";
    own.accounts = {account};
    for (int i = 0; i < 1'200; ++i) {
        own.audit.push_back({1, 1'200 - i, TenantId("acme"), "root", "key.create", "x", "ok"});
    }
    Node node(database);
    const auto import = [&](const char* name) {
        return node.catalog->ask_now<Imported>(true, [&](PgConnection& connection) {
            return import_catalog(connection, node.catalog->upstream_sealer(), name, own);
        });
    };
    auto done = import("a");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->keys, 1U);
    EXPECT_EQ(done->accounts, 1U);
    EXPECT_EQ(done->audit, 1'200U);
    EXPECT_TRUE(done->kept.empty());
    ASSERT_EQ(node.ring.list_all().size(), 1U);
    EXPECT_EQ(node.ring.list_all().front().last_used, 77);
    EXPECT_EQ(import("a")->keys, 0U) << "once";
    own.accounts.front().title = "of b";
    done = import("b");
    ASSERT_TRUE(done);
    EXPECT_EQ(done->kept, (std::vector<std::string>{"tenant acme", "key abcdefghijkm"}));
    EXPECT_EQ(node.directory.get(access::AccountKind::tenant, TenantId("acme"), "acme")->title,
              "of a");
    PostgresAuditLog audit(*node.catalog);
    const auto listed = wait<std::vector<access::AuditEntry>>(
        [&](auto answer) { audit.list(TenantId("acme"), 0, 200, std::move(answer)); });
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->size(), 200U);
    EXPECT_EQ(listed->front().at, 1'200);
}

TEST_F(SharedCatalogTest, ALostConnectionComesBackAndNothingIsMissed) {
    Node a(database);
    Node b(database);
    for (int i = 0; i < 5; ++i) {
        PostgresServer::get().drop_connections();
        Result<access::NewKey> made = a.make();
        EXPECT_TRUE(eventually([&] {
            if (!made) made = a.make();
            return made.has_value();
        }));
        EXPECT_TRUE(eventually([&] { return b.knows(*made); }));
    }
}

TEST_F(SharedCatalogTest, SilenceForTooLongIsNotAnAnswerAboutAKey) {
    database.settings.offline = std::chrono::seconds(6);
    Node node(database);
    const auto made = node.make();
    ASSERT_TRUE(made);
    const auto revoked = node.make();
    ASSERT_TRUE(wait<void>([&](auto done) {
        node.ring.revoke(TenantId("acme"), revoked->record.id, std::move(done));
    }));
    EXPECT_TRUE(eventually([&] { return node.knows(*made); }));
    const auto code = [&](std::string_view key) {
        const auto who = node.ring.authenticate(key, "");
        return who ? std::string("ok") : std::string(to_string(who.error().code));
    };
    // Nobody else uses the table: a lock on it is a database that does not answer.
    auto holder = PgConnection::open(database.settings, PgRole::listener).value();
    ASSERT_TRUE(holder.execute("BEGIN; LOCK TABLE catalog_changes"));
    EXPECT_TRUE(eventually([&] { return code(made->key.reveal()) == "unavailable"; }));
    EXPECT_GT(node.ring.authenticate(made->key.reveal(), "").error().retry_after_s, 0);
    EXPECT_EQ(code(revoked->key.reveal()), "unauthenticated");
    const std::string unknown = "hr_abcdefghijkm_" + std::string(43, 'A');
    EXPECT_EQ(code(unknown), "unavailable");
    ASSERT_TRUE(holder.execute("ROLLBACK"));
    EXPECT_TRUE(eventually([&] { return code(made->key.reveal()) == "ok"; }));
    EXPECT_TRUE(eventually([&] { return code(unknown) == "unauthenticated"; }));
}

}  // namespace
}  // namespace headrace::stores
