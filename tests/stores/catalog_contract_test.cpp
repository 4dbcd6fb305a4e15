// What every adapter of the catalog's ports promises: access::KeyStore, AccountStore, AuditLog and
// upstreams::UpstreamStore.
#include <filesystem>
#include <future>

#include <gtest/gtest.h>

#include "catalogs_under_test.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::stores {
namespace {

class CatalogContract : public testing::TestWithParam<CatalogCandidate> {
  protected:
    void SetUp() override { catalog_ = GetParam().make(); }
    CatalogUnderTest& catalog() { return *catalog_; }

    std::unique_ptr<CatalogUnderTest> catalog_;
};

access::KeyRecord whole_key() {
    access::KeyRecord record;
    record.id = "abcdefghijkm";
    record.tenant = TenantId("acme");
    record.name = "an app";
    record.role = access::Role::operator_;
    record.system = true;
    record.capabilities = {"ocr", "speak"};
    record.digest = sha256("secret");
    record.created_at = 1;
    record.expires_at = 2;
    record.created_by = "root";
    record.app = "shop";
    record.user = "ann";
    record.addresses = {"10.0.0.0/8"};
    record.limits = {1, 2, 3, 4};
    record.old_digest = sha256("old");
    record.old_until = 5;
    record.rotated_at = 6;
    return record;
}

void expect_same(const access::KeyRecord& read, const access::KeyRecord& put) {
    EXPECT_EQ(read.id, put.id);
    EXPECT_EQ(read.tenant, put.tenant);
    EXPECT_EQ(read.name, put.name);
    EXPECT_EQ(read.role, put.role);
    EXPECT_EQ(read.system, put.system);
    EXPECT_EQ(read.capabilities, put.capabilities);
    EXPECT_EQ(read.digest, put.digest);
    EXPECT_EQ(read.created_at, put.created_at);
    EXPECT_EQ(read.expires_at, put.expires_at);
    EXPECT_EQ(read.revoked_at, put.revoked_at);
    EXPECT_EQ(read.created_by, put.created_by);
    EXPECT_EQ(read.app, put.app);
    EXPECT_EQ(read.user, put.user);
    EXPECT_EQ(read.addresses, put.addresses);
    EXPECT_EQ(read.limits, put.limits);
    EXPECT_EQ(read.old_digest, put.old_digest);
    EXPECT_EQ(read.old_until, put.old_until);
    EXPECT_EQ(read.rotated_at, put.rotated_at);
}

TEST_P(CatalogContract, KeysComeBackWhole) {
    auto record = whole_key();
    const auto save = [&](const access::KeyRecord& key) {
        return wait<void>([&](auto done) { catalog().keys().save(key, std::move(done)); });
    };
    ASSERT_TRUE(save(record));
    ASSERT_TRUE(wait<void>([&](auto done) {
        catalog().keys().note_uses({{record.tenant, record.id, 50}}, std::move(done));
    }));
    catalog().reopen();
    auto loaded = catalog().keys().load_all();
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->size(), 1U);
    expect_same(loaded->at(0), record);
    EXPECT_EQ(loaded->at(0).last_used, 50);
    // What has no details any more has none after it is read again.
    auto bare = loaded->at(0);
    bare.app.clear();
    bare.user.clear();
    bare.addresses.clear();
    bare.limits = {};
    bare.old_digest = {};
    bare.old_until = bare.rotated_at = 0;
    ASSERT_TRUE(save(bare));
    catalog().reopen();
    loaded = catalog().keys().load_all();
    ASSERT_TRUE(loaded);
    expect_same(loaded->at(0), bare);
}

TEST_P(CatalogContract, ARevokedKeyStaysSo) {
    const auto record = whole_key();
    const auto revoke = [&](const char* tenant, const char* id, WallMs at) {
        return wait<void>(
            [&](auto done) { catalog().keys().revoke(TenantId(tenant), id, at, std::move(done)); });
    };
    ASSERT_TRUE(wait<void>([&](auto done) { catalog().keys().save(record, std::move(done)); }));
    EXPECT_EQ(revoke("other", "abcdefghijkm", 9).error().code, ErrorCode::not_found);
    EXPECT_EQ(revoke("acme", "no-such-key", 9).error().code, ErrorCode::not_found);
    ASSERT_TRUE(revoke("acme", "abcdefghijkm", 7));
    catalog().reopen();
    EXPECT_EQ(catalog().keys().load_all()->at(0).revoked_at, 7);
    EXPECT_EQ(catalog().keys().load_all()->at(0).app, "shop");
}

TEST_P(CatalogContract, AKeyRingWorksOnThem) {
    const SystemClock clock;
    std::string key;
    {
        access::KeyRing ring(catalog().keys(), clock);
        ASSERT_TRUE(ring.load());
        const auto made = ring.create_first_admin();
        ASSERT_TRUE(made) << made.error().message;
        key = made->key.reveal();
        EXPECT_TRUE(ring.authenticate(key, access::kThisMachine));
    }
    catalog().reopen();
    access::KeyRing ring(catalog().keys(), clock);
    ASSERT_TRUE(ring.load());
    EXPECT_TRUE(ring.authenticate(key, access::kThisMachine));
}

TEST_P(CatalogContract, AccountsComeBackAndGo) {
    access::Account tenant;
    tenant.tenant = TenantId("acme");
    tenant.name = "acme";
    tenant.title = "Acme";
    tenant.enabled = false;
    tenant.created_at = 3;
    tenant.limits = {1, 2, 3, 4};
    tenant.models = {{"Qwen/Qwen2.5-7B", {5, 6, 7, 8}}};
    access::Account user;
    user.kind = access::AccountKind::user;
    user.tenant = tenant.tenant;
    user.name = "acme";
    user.email = "ann@example.org";
    user.role = access::Role::operator_;
    for (const auto& account : {user, tenant}) {
        ASSERT_TRUE(
            wait<void>([&](auto done) { catalog().accounts().save(account, std::move(done)); }));
    }
    catalog().reopen();
    auto loaded = catalog().accounts().load_all();
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->size(), 2U);
    if (loaded->at(0).kind != access::AccountKind::tenant) std::swap(loaded->at(0), loaded->at(1));
    auto changed = loaded->at(0);
    for (auto& account : *loaded) account.version = 0;
    EXPECT_EQ(loaded->at(0), tenant);
    EXPECT_EQ(loaded->at(1), user);
    changed.title = "Acme & Sons";
    ASSERT_TRUE(
        wait<void>([&](auto done) { catalog().accounts().save(changed, std::move(done)); }));
    ASSERT_TRUE(wait<void>([&](auto done) {
        catalog().accounts().remove(access::AccountKind::user, tenant.tenant, "acme",
                                    std::move(done));
    }));
    loaded = catalog().accounts().load_all();
    ASSERT_EQ(loaded->size(), 1U);
    EXPECT_EQ(loaded->at(0).title, "Acme & Sons");
}

TEST_P(CatalogContract, TheAuditOnlyGrows) {
    for (int i = 0; i < 5; ++i) {
        access::AuditEntry entry{0,      100 + i,      TenantId(i == 4 ? "other" : "acme"),
                                 "root", "key.create", "key" + std::to_string(i),
                                 "ok"};
        if (i == 3)
            catalog().audit().append(entry, {});
        else
            ASSERT_TRUE(
                wait<void>([&](auto done) { catalog().audit().append(entry, std::move(done)); }));
    }
    const auto list = [&](const char* tenant, std::uint64_t before, std::uint32_t limit) {
        return wait<std::vector<access::AuditEntry>>([&](auto done) {
                   catalog().audit().list(TenantId(tenant), before, limit, std::move(done));
               })
            .value();
    };
    const auto all = list("acme", 0, 10);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].object, "key3");
    EXPECT_EQ(all[3].at, 100);
    EXPECT_EQ(all[3].actor, "root");
    EXPECT_EQ(all[3].act, "key.create");
    EXPECT_EQ(all[3].outcome, "ok");
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i].number, all[i - 1].number);
    EXPECT_EQ(list("acme", all[1].number, 1).at(0).object, "key1");
    EXPECT_EQ(list("other", 0, 10).size(), 1U);
    EXPECT_TRUE(list("third", 0, 10).empty());
}

TEST_P(CatalogContract, UpstreamsComeBackAndWhatMayBeAKeyIsSealed) {
    upstreams::UpstreamSpec spec;
    spec.tenant = TenantId("acme");
    spec.name = "hosted";
    spec.base_url = "https://models.example/v1";
    spec.key = Secret("sk-of-the-upstream");
    spec.models = {{"m", "real", catalog::Profile::chat}};
    spec.headers = {{"X-Api-Key", "value-of-a-header"}, {"X-Team", "blue"}};
    spec.origin = "admin";
    const auto save = [&] {
        return wait<void>([&](auto done) { catalog().upstreams().save(spec, std::move(done)); });
    };
    ASSERT_TRUE(save());
    spec.weight = 2;
    ASSERT_TRUE(save());
    catalog().reopen();
    auto loaded = catalog().upstreams().load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->size(), 1U);
    EXPECT_TRUE(upstreams::same(loaded->front(), spec));
    const std::string bytes = catalog().content();
    EXPECT_NE(bytes.find("models.example"), std::string::npos);
    EXPECT_EQ(bytes.find("sk-of-the-upstream"), std::string::npos);
    EXPECT_EQ(bytes.find("value-of-a-header"), std::string::npos);
    const auto remove = [&](const char* tenant) {
        return wait<void>([&](auto done) {
            catalog().upstreams().remove(TenantId(tenant), "hosted", std::move(done));
        });
    };
    ASSERT_TRUE(remove("other"));
    EXPECT_EQ(catalog().upstreams().load()->size(), 1U);
    ASSERT_TRUE(remove("acme"));
    EXPECT_TRUE(catalog().upstreams().load()->empty());
}

TEST_P(CatalogContract, ADamagedRowIsNamed) {
    ASSERT_TRUE(
        wait<void>([&](auto done) { catalog().keys().save(whole_key(), std::move(done)); }));
    catalog().damage_keys();
    const auto loaded = catalog().keys().load_all();
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("table keys, id abcdefghijkm"), std::string::npos)
        << loaded.error().message;
}

INSTANTIATE_TEST_SUITE_P(Adapters, CatalogContract, testing::ValuesIn(catalog_candidates()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace headrace::stores
