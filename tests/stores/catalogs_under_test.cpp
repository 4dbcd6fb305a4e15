#include "catalogs_under_test.hpp"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "stores/postgres/catalog_stores.hpp"
#include "stores/postgres/migrations.hpp"
#include "stores/postgres/schema.hpp"
#include "stores/sqlite/account_store.hpp"
#include "stores/sqlite/audit_log.hpp"
#include "stores/sqlite/catalog_database.hpp"
#include "stores/sqlite/key_store.hpp"
#include "stores/sqlite/upstream_store.hpp"

namespace headrace::stores {
namespace {

std::string new_folder() {
    static std::atomic<int> count{0};
    const auto path = std::filesystem::path(testing::TempDir()) /
                      ("catalog_" + std::to_string(::getpid()) + "_" + std::to_string(++count));
    std::filesystem::create_directories(path);
    return path.string();
}

class InFile final : public CatalogUnderTest {
  public:
    InFile()
        : folder_(new_folder()),
          master_(access::MasterKeys::open(folder_ + "/master.key").value()),
          sealer_(master_, "test") {
        reopen();
    }
    ~InFile() override {
        close();
        std::filesystem::remove_all(folder_);
    }
    access::KeyStore& keys() override { return *keys_; }
    access::AccountStore& accounts() override { return *accounts_; }
    access::AuditLog& audit() override { return *audit_; }
    upstreams::UpstreamStore& upstreams() override { return *upstreams_; }
    void reopen() override {
        close();
        database_ = CatalogDatabase::open(folder_ + "/catalog.db").value();
        keys_ = std::make_unique<SqliteKeyStore>(*database_);
        accounts_ = std::make_unique<SqliteAccountStore>(*database_);
        audit_ = std::make_unique<SqliteAuditLog>(*database_);
        upstreams_ = std::make_unique<SqliteUpstreamStore>(*database_, sealer_);
    }
    void damage_keys() override {
        ASSERT_TRUE(database_->database().execute("UPDATE keys SET sum = sum + 1"));
    }
    std::string content() override {
        std::string bytes;
        for (const auto& file : std::filesystem::directory_iterator(folder_)) {
            std::ifstream in(file.path(), std::ios::binary);
            bytes.append(std::istreambuf_iterator<char>(in), {});
        }
        return bytes;
    }

  private:
    void close() {
        upstreams_.reset();
        audit_.reset();
        accounts_.reset();
        keys_.reset();
        database_.reset();
    }

    std::string folder_;
    access::MasterKeys master_;
    access::Sealer sealer_;
    std::unique_ptr<CatalogDatabase> database_;
    std::unique_ptr<SqliteKeyStore> keys_;
    std::unique_ptr<SqliteAccountStore> accounts_;
    std::unique_ptr<SqliteAuditLog> audit_;
    std::unique_ptr<SqliteUpstreamStore> upstreams_;
};

class InDatabase final : public CatalogUnderTest {
  public:
    InDatabase() { reopen(); }
    access::KeyStore& keys() override { return *keys_; }
    access::AccountStore& accounts() override { return *accounts_; }
    access::AuditLog& audit() override { return *audit_; }
    upstreams::UpstreamStore& upstreams() override { return *upstreams_; }
    void reopen() override {
        catalog_ = database_.server();
        keys_ = std::make_unique<PostgresKeyStore>(*catalog_, clock_);
        accounts_ = std::make_unique<PostgresAccountStore>(*catalog_);
        audit_ = std::make_unique<PostgresAuditLog>(*catalog_);
        upstreams_ = std::make_unique<PostgresUpstreamStore>(*catalog_);
    }
    void damage_keys() override { database_.run("UPDATE keys SET sum = sum + 1"); }
    std::string content() override {
        const PgStatement all{"all", "SELECT body FROM upstreams UNION ALL SELECT body FROM keys"};
        auto connection = PgConnection::open(database_.settings, PgRole::reader).value();
        const auto rows = connection.call(all).value();
        std::string bytes;
        for (int i = 0; i < rows.size(); ++i) bytes += rows.bytes(i, 0);
        return bytes;
    }

  private:
    SharedDatabase database_;
    SystemClock clock_;
    std::unique_ptr<SharedCatalog> catalog_;
    std::unique_ptr<PostgresKeyStore> keys_;
    std::unique_ptr<PostgresAccountStore> accounts_;
    std::unique_ptr<PostgresAuditLog> audit_;
    std::unique_ptr<PostgresUpstreamStore> upstreams_;
};

}  // namespace

std::vector<CatalogCandidate> catalog_candidates() {
    return {{"sqlite", [] { return std::make_unique<InFile>(); }},
            {"postgres", [] { return std::make_unique<InDatabase>(); }}};
}

SharedDatabase::SharedDatabase() : folder_(new_folder()) {
    settings.url = PostgresServer::get().make_schema();
    auto connection = PgConnection::open(settings, PgRole::listener).value();
    PostgresSteps steps(connection);
    EXPECT_TRUE(migrate_at_start(steps, postgres_schema(), {}));
    keys_ = std::make_unique<access::MasterKeys>(master_keys());
}

SharedDatabase::~SharedDatabase() {
    std::filesystem::remove_all(folder_);
}

access::MasterKeys SharedDatabase::master_keys(const char* name) const {
    return access::MasterKeys::open(folder_ + "/" + name).value();
}

access::MasterKeys SharedDatabase::rotated_keys() const {
    std::filesystem::copy_file(folder_ + "/master.key", folder_ + "/rotated.key");
    EXPECT_TRUE(access::MasterKeys::rotate(folder_ + "/rotated.key"));
    return master_keys("rotated.key");
}

std::unique_ptr<SharedCatalog> SharedDatabase::server() {
    return server_with(*keys_).value();
}

Result<std::unique_ptr<SharedCatalog>> SharedDatabase::server_with(const access::MasterKeys& keys) {
    return SharedCatalog::open(settings, keys);
}

void SharedDatabase::run(const std::string& sql) {
    const std::string schema = settings.url.substr(settings.url.rfind('=') + 1);
    PostgresServer::get().run("SET search_path TO " + schema + "; " + sql);
}

}  // namespace headrace::stores
