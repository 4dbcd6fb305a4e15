#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include <gtest/gtest.h>

#include "stores/base/row_codec.hpp"
#include "stores/sqlite/account_store.hpp"
#include "stores/sqlite/audit_log.hpp"
#include "stores/sqlite/catalog_database.hpp"
#include "stores/sqlite/key_store.hpp"
#include "stores/sqlite/schema.hpp"
#include "stores/sqlite/upstream_store.hpp"
#include "stores/sqlite/version_store.hpp"

namespace headrace::stores {
namespace {

struct CatalogStores : testing::Test {
    std::filesystem::path folder = std::filesystem::path(testing::TempDir()) /
                                   ("catalog_stores_test-" + std::to_string(::getpid()));
    std::unique_ptr<CatalogDatabase> catalog;

    void SetUp() override {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
        open();
    }
    void TearDown() override {
        catalog.reset();
        std::filesystem::remove_all(folder);
    }
    std::string path() const { return folder / "catalog.db"; }
    void open() {
        catalog.reset();
        catalog = CatalogDatabase::open(path()).value();
    }
    template <class T, class Start>
    static Result<T> wait(Start start) {
        std::promise<Result<T>> answer;
        start(UniqueFunction<void(Result<T>)>(
            [&](Result<T> result) { answer.set_value(std::move(result)); }));
        return answer.get_future().get();
    }
};

TEST_F(CatalogStores, KeysComeBackWhole) {
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
    {
        SqliteKeyStore keys(*catalog);
        ASSERT_TRUE(wait<void>([&](auto done) { keys.save(record, std::move(done)); }));
        const auto other = wait<void>(
            [&](auto done) { keys.revoke(TenantId("other"), record.id, 9, std::move(done)); });
        EXPECT_EQ(other.error().code, ErrorCode::not_found);
        ASSERT_TRUE(wait<void>(
            [&](auto done) { keys.revoke(record.tenant, record.id, 7, std::move(done)); }));
    }
    open();
    SqliteKeyStore keys(*catalog);
    const auto loaded = keys.load_all();
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->size(), 1U);
    const auto& read = loaded->at(0);
    EXPECT_EQ(read.id, record.id);
    EXPECT_EQ(read.tenant, record.tenant);
    EXPECT_EQ(read.name, record.name);
    EXPECT_EQ(read.role, record.role);
    EXPECT_TRUE(read.system);
    EXPECT_EQ(read.capabilities, record.capabilities);
    EXPECT_EQ(read.digest, record.digest);
    EXPECT_EQ(read.created_at, 1);
    EXPECT_EQ(read.expires_at, 2);
    EXPECT_EQ(read.revoked_at, 7);
    EXPECT_EQ(read.created_by, "root");
}

TEST_F(CatalogStores, DetailsAndUsesOfKeysComeBack) {
    access::KeyRecord record;
    record.id = "abcdefghijkm";
    record.tenant = TenantId("acme");
    record.name = "k";
    record.digest = sha256("secret");
    record.app = "shop";
    record.user = "ann";
    record.addresses = {"10.0.0.0/8"};
    record.limits = {1, 2, 3, 4};
    record.old_digest = sha256("old");
    record.old_until = 5;
    record.rotated_at = 6;
    access::KeyRecord plain;
    plain.id = "abcdefghijkn";
    plain.tenant = record.tenant;
    {
        SqliteKeyStore keys(*catalog);
        ASSERT_TRUE(wait<void>([&](auto done) { keys.save(record, std::move(done)); }));
        ASSERT_TRUE(wait<void>([&](auto done) { keys.save(plain, std::move(done)); }));
        ASSERT_TRUE(wait<void>([&](auto done) {
            keys.note_uses({{record.tenant, record.id, 8}}, std::move(done));
        }));
        ASSERT_TRUE(wait<void>([&](auto done) {
            keys.note_uses({{record.tenant, record.id, 9}}, std::move(done));
        }));
        // A revocation keeps them.
        ASSERT_TRUE(wait<void>(
            [&](auto done) { keys.revoke(record.tenant, record.id, 7, std::move(done)); }));
    }
    open();
    SqliteKeyStore keys(*catalog);
    auto loaded = keys.load_all();
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->size(), 2U);
    const auto& read = loaded->at(0).id == record.id ? loaded->at(0) : loaded->at(1);
    EXPECT_EQ(read.app, "shop");
    EXPECT_EQ(read.user, "ann");
    EXPECT_EQ(read.addresses, record.addresses);
    EXPECT_EQ(read.limits, record.limits);
    EXPECT_EQ(read.old_digest, record.old_digest);
    EXPECT_EQ(read.old_until, 5);
    EXPECT_EQ(read.rotated_at, 6);
    EXPECT_EQ(read.revoked_at, 7);
    EXPECT_EQ(read.last_used, 9);
    // What is taken away is gone.
    access::KeyRecord bare = read;
    bare.app.clear();
    bare.user.clear();
    bare.addresses.clear();
    bare.limits = {};
    bare.rotated_at = 0;
    ASSERT_TRUE(wait<void>([&](auto done) { keys.save(bare, std::move(done)); }));
    loaded = keys.load_all();
    for (const auto& key : *loaded) EXPECT_TRUE(key.app.empty() && !key.limits.any());
}

TEST_F(CatalogStores, ADamagedDetailIsNamed) {
    access::KeyRecord record;
    record.id = "abcdefghijkm";
    record.tenant = TenantId("acme");
    record.app = "shop";
    SqliteKeyStore keys(*catalog);
    ASSERT_TRUE(wait<void>([&](auto done) { keys.save(record, std::move(done)); }));
    ASSERT_TRUE(catalog->database().execute("UPDATE key_details SET sum = sum + 1"));
    const auto loaded = keys.load_all();
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("key_details"), std::string::npos);
}

TEST_F(CatalogStores, AccountsComeBackAndGo) {
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
    {
        SqliteAccountStore accounts(*catalog);
        for (const auto& account : {tenant, user}) {
            ASSERT_TRUE(wait<void>([&](auto done) { accounts.save(account, std::move(done)); }));
        }
    }
    open();
    SqliteAccountStore accounts(*catalog);
    auto loaded = accounts.load_all();
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->size(), 2U);
    const auto& first = loaded->at(0);
    EXPECT_EQ(first.kind, access::AccountKind::tenant);
    EXPECT_EQ(first.title, "Acme");
    EXPECT_FALSE(first.enabled);
    EXPECT_EQ(first.created_at, 3);
    EXPECT_EQ(first.limits, tenant.limits);
    ASSERT_EQ(first.models.size(), 1U);
    EXPECT_EQ(first.models[0].model, "Qwen/Qwen2.5-7B");
    EXPECT_EQ(first.models[0].limits, tenant.models[0].limits);
    EXPECT_EQ(loaded->at(1).email, "ann@example.org");
    EXPECT_EQ(loaded->at(1).role, access::Role::operator_);
    ASSERT_TRUE(wait<void>([&](auto done) {
        accounts.remove(access::AccountKind::user, tenant.tenant, "acme", std::move(done));
    }));
    EXPECT_EQ(accounts.load_all()->size(), 1U);
}

// A file of version 0.2.0: the first step alone, with a key in it.
TEST_F(CatalogStores, AFileOfTheVersionBeforeGoesOn) {
    catalog.reset();
    std::filesystem::remove(path());
    {
        const auto first = catalog_schema().first(1);
        auto old = open_checked(path(), first);
        ASSERT_TRUE(old) << old.error().message;
    }
    open();
    SqliteKeyStore keys(*catalog);
    access::KeyRecord record;
    record.id = "abcdefghijkm";
    record.tenant = TenantId("acme");
    record.app = "shop";
    ASSERT_TRUE(wait<void>([&](auto done) { keys.save(record, std::move(done)); }));
    EXPECT_EQ(keys.load_all()->at(0).app, "shop");
    // And back: the steps that it does not know are taken down, the key stays.
    SqliteSteps steps(catalog->database());
    MigrateOptions options;
    ASSERT_TRUE(migrate_to(steps, catalog_schema(), 1, options, false));
    Statement rows = catalog->database().prepare("SELECT count(*) FROM keys");
    rows.start();
    ASSERT_TRUE(rows.step().value());
    EXPECT_EQ(rows.integer(0), 1);
}

TEST_F(CatalogStores, AKeyRingWorksOnThem) {
    const SystemClock clock;
    std::string key;
    {
        SqliteKeyStore store(*catalog);
        access::KeyRing ring(store, clock);
        ASSERT_TRUE(ring.load());
        key = ring.create_first_admin()->key.reveal();
    }
    open();
    SqliteKeyStore store(*catalog);
    access::KeyRing ring(store, clock);
    ASSERT_TRUE(ring.load());
    EXPECT_TRUE(ring.authenticate(key, access::kThisMachine));
    std::ifstream file(path(), std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(content.find(key.substr(16)), std::string::npos) << "no secret in the file";
}

TEST_F(CatalogStores, VersionsComeBackAndGo) {
    catalog::VersionRecord record;
    record.tenant = TenantId("acme");
    record.name = "ocr";
    record.version = "1.2.0";
    record.title = "Text from pictures";
    record.description = "…";
    record.interface = "{\"inputs\":[]}";
    record.limits.slots = 3;
    record.limits.max_batch = 8;
    record.limits.memory_bytes = 1ULL << 40;
    record.created_at = 5;
    record.hidden = true;
    {
        SqliteVersionStore versions(*catalog);
        ASSERT_TRUE(wait<void>([&](auto done) { versions.save({record}, std::move(done)); }));
        record.title = "Changed";
        ASSERT_TRUE(wait<void>([&](auto done) { versions.save({record}, std::move(done)); }));
    }
    open();
    SqliteVersionStore versions(*catalog);
    EXPECT_EQ(versions.load().value(), std::vector<catalog::VersionRecord>{record});
    ASSERT_TRUE(wait<void>(
        [&](auto done) { versions.remove(TenantId("other"), "ocr", "1.2.0", std::move(done)); }));
    EXPECT_EQ(versions.load()->size(), 1U);
    ASSERT_TRUE(wait<void>(
        [&](auto done) { versions.remove(record.tenant, "ocr", "1.2.0", std::move(done)); }));
    EXPECT_TRUE(versions.load()->empty());
}

TEST_F(CatalogStores, VersionsThatAreSavedTogetherComeBack) {
    std::vector<catalog::VersionRecord> records(500);
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i].tenant = TenantId("acme");
        records[i].name = "v" + std::to_string(1'000 + i);
        records[i].version = "1.0.0";
    }
    {
        SqliteVersionStore versions(*catalog);
        ASSERT_TRUE(wait<void>([&](auto done) { versions.save(records, std::move(done)); }));
    }
    open();
    EXPECT_EQ(SqliteVersionStore(*catalog).load().value(), records);
}

// As at a start, where the upstreams are read while the engines' versions are still being written.
TEST_F(CatalogStores, UpstreamsAreReadWhileVersionsAreWritten) {
    const auto master = access::MasterKeys::open((folder / "master.key").string());
    ASSERT_TRUE(master);
    const access::Sealer sealer(*master, "test");
    SqliteVersionStore versions(*catalog);
    SqliteUpstreamStore upstreams(*catalog, sealer);
    catalog::VersionRecord record;
    record.tenant = TenantId("acme");
    record.version = "1.0.0";
    record.interface = std::string(2'000, 'x');
    std::atomic<int> saved{0};
    constexpr int kRounds = 300;
    constexpr int kEach = 5;
    for (int i = 0; i < kRounds; ++i) {
        for (int j = 0; j < kEach; ++j) {
            record.name = "v" + std::to_string(i * kEach + j);
            versions.save({record}, [&saved](Result<void> done) { saved += done ? 1 : 0; });
        }
        const auto loaded = upstreams.load();
        ASSERT_TRUE(loaded) << loaded.error().message;
    }
    // What was queued before runs before this.
    ASSERT_TRUE(
        wait<void>([&](auto done) { versions.remove(TenantId("x"), "x", "x", std::move(done)); }));
    EXPECT_EQ(saved, kRounds * kEach);
}

upstreams::UpstreamSpec hosted() {
    upstreams::UpstreamSpec spec;
    spec.tenant = TenantId("acme");
    spec.name = "hosted";
    spec.base_url = "https://models.example/v1";
    spec.key = Secret("sk-of-the-upstream");
    spec.ca = "a certificate";
    spec.server_name = "inside.example";
    spec.models = {{"m", "real", catalog::Profile::chat}};
    spec.headers = {{"X-Api-Key", "value-of-a-header"}, {"X-Team", "blue"}};
    spec.origin = "admin";
    return spec;
}

TEST_F(CatalogStores, UpstreamsComeBackAndWhatMayBeAKeyIsSealed) {
    const auto spec = hosted();
    const auto master = access::MasterKeys::open((folder / "master.key").string());
    ASSERT_TRUE(master);
    const access::Sealer sealer(*master, "test");
    SqliteUpstreamStore store(*catalog, sealer);
    ASSERT_TRUE(wait<void>([&](auto done) { store.save(spec, std::move(done)); }));
    open();
    const auto loaded = SqliteUpstreamStore(*catalog, sealer).load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->size(), 1U);
    EXPECT_TRUE(upstreams::same(loaded->front(), spec));
    std::string bytes;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        std::ifstream in(file.path(), std::ios::binary);
        bytes.append(std::istreambuf_iterator<char>(in), {});
    }
    EXPECT_NE(bytes.find("inside.example"), std::string::npos);
    EXPECT_EQ(bytes.find("sk-of-the-upstream"), std::string::npos);
    EXPECT_EQ(bytes.find("value-of-a-header"), std::string::npos);
    const auto stranger = access::MasterKeys::open((folder / "other.key").string());
    ASSERT_TRUE(stranger);
    const access::Sealer other(*stranger, "test");
    const auto closed = SqliteUpstreamStore(*catalog, other).load();
    ASSERT_TRUE(closed) << closed.error().message;
    EXPECT_FALSE(closed->front().enabled);
    EXPECT_TRUE(closed->front().key.empty());
    EXPECT_TRUE(closed->front().headers.empty());
}

// As versions up to 0.2 wrote them.
TEST_F(CatalogStores, UpstreamsOfTheFirstFormatAreRead) {
    const auto master = access::MasterKeys::open((folder / "master.key").string());
    ASSERT_TRUE(master);
    const access::Sealer sealer(*master, "test");
    auto spec = hosted();
    spec.ca.clear();
    spec.server_name.clear();
    RowWriter out;
    out.number(1);
    out.text("openai");
    out.text(spec.base_url);
    out.text(sealer.seal(spec.key, "acme/hosted"));
    out.number(1);
    out.text("m");
    out.text("real");
    out.number(static_cast<std::uint64_t>(catalog::Profile::chat));
    out.real(spec.weight);
    out.number(spec.priority);
    out.number(spec.concurrency);
    for (const auto time : {spec.timeouts.connect, spec.timeouts.first_byte, spec.timeouts.between,
                            spec.timeouts.total, spec.probe_every}) {
        out.signed_number(time.count());
    }
    out.number(spec.failures);
    out.number(spec.headers.size());
    for (const auto& [name, value] : spec.headers) {
        out.text(name);
        out.text(value);
    }
    out.number(0);
    out.number(1);
    out.number(0);
    out.text(spec.origin);
    const auto body = out.take();
    const auto sum = RowSum("upstreams").add("acme").add("hosted").add(body).value();
    ASSERT_TRUE(catalog->database()
                    .prepare("INSERT INTO upstreams(tenant, name, sum, body) VALUES(?, ?, ?, ?)")
                    .run(spec.tenant.name, spec.name, sum, Blob{body}));
    const auto loaded = SqliteUpstreamStore(*catalog, sealer).load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->size(), 1U);
    EXPECT_TRUE(upstreams::same(loaded->front(), spec));
}

TEST_F(CatalogStores, TheAuditOnlyGrows) {
    SqliteAuditLog audit(*catalog);
    for (int i = 0; i < 5; ++i) {
        access::AuditEntry entry{0,      100 + i,      TenantId(i == 4 ? "other" : "acme"),
                                 "root", "key.create", "key" + std::to_string(i),
                                 "ok"};
        if (i == 3)
            audit.append(entry, {});
        else
            ASSERT_TRUE(wait<void>([&](auto done) { audit.append(entry, std::move(done)); }));
    }
    const auto list = [&](const char* tenant, std::uint64_t before, std::uint32_t limit) {
        return wait<std::vector<access::AuditEntry>>(
                   [&](auto done) { audit.list(TenantId(tenant), before, limit, std::move(done)); })
            .value();
    };
    const auto all = list("acme", 0, 10);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].object, "key3");
    EXPECT_EQ(all[0].number, 4U);
    EXPECT_EQ(all[3].at, 100);
    EXPECT_EQ(all[3].actor, "root");
    EXPECT_EQ(all[3].act, "key.create");
    EXPECT_EQ(all[3].outcome, "ok");
    EXPECT_EQ(list("acme", all[1].number, 1).at(0).object, "key1");
    EXPECT_EQ(list("other", 0, 10).size(), 1U);
    EXPECT_TRUE(list("third", 0, 10).empty());
}

TEST_F(CatalogStores, ADamagedRowStopsTheLoad) {
    access::KeyRecord record;
    record.id = "abcdefghijkm";
    record.tenant = TenantId("acme");
    record.name = "marker-of-a-key";
    {
        SqliteKeyStore keys(*catalog);
        ASSERT_TRUE(wait<void>([&](auto done) { keys.save(record, std::move(done)); }));
    }
    catalog.reset();
    std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
    const std::string content(std::istreambuf_iterator<char>(file), {});
    const auto at = content.find("marker-of-a-key");
    ASSERT_NE(at, std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put('M');
    file.close();
    open();
    SqliteKeyStore keys(*catalog);
    const auto loaded = keys.load_all();
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("table keys"), std::string::npos);
}

TEST_F(CatalogStores, TheFileIsPrivate) {
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

}  // namespace
}  // namespace headrace::stores
