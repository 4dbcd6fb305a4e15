#pragma once

#include "access/audit.hpp"
#include "access/directory.hpp"
#include "access/keys.hpp"
#include "base/clock.hpp"
#include "stores/postgres/shared_catalog.hpp"
#include "upstreams/store.hpp"

namespace headrace::stores {

// Keys, accounts, audit and upstreams in the catalog that servers share, which outlives them.
// Callable from any thread.

class PostgresKeyStore final : public access::KeyStore {
  public:
    PostgresKeyStore(SharedCatalog& catalog, const Clock& clock)
        : catalog_(catalog), clock_(clock) {}
    Result<std::vector<access::KeyRecord>> load_all() override;
    void save(access::KeyRecord record, access::Done<void> done) override;
    void revoke(TenantId tenant, std::string id, WallMs at, access::Done<void> done) override;
    void note_uses(std::vector<access::KeyUse> uses, access::Done<void> done) override;
    [[nodiscard]] bool shared() const override { return true; }
    [[nodiscard]] access::Contact contact() const override { return catalog_.contact(); }
    void catch_up(access::Done<void> done) override { catalog_.catch_up(std::move(done)); }
    Result<access::NewKey> keep_first_admin(access::NewKey made) override;

  private:
    SharedCatalog& catalog_;
    const Clock& clock_;
};

class PostgresAccountStore final : public access::AccountStore {
  public:
    explicit PostgresAccountStore(SharedCatalog& catalog) : catalog_(catalog) {}
    Result<std::vector<access::Account>> load_all() override;
    void save(access::Account account, access::Done<void> done) override;
    void remove(access::AccountKind kind, TenantId tenant, std::string name,
                access::Done<void> done) override;
    [[nodiscard]] bool shared() const override { return true; }

  private:
    SharedCatalog& catalog_;
};

class PostgresAuditLog final : public access::AuditLog {
  public:
    explicit PostgresAuditLog(SharedCatalog& catalog) : catalog_(catalog) {}
    void append(access::AuditEntry entry, access::Done<void> done) override;
    void list(TenantId tenant, std::uint64_t before, std::uint32_t limit,
              access::Done<std::vector<access::AuditEntry>> done) override;

  private:
    SharedCatalog& catalog_;
};

/// The last write of an upstream stands, whoever wrote before.
class PostgresUpstreamStore final : public upstreams::UpstreamStore {
  public:
    explicit PostgresUpstreamStore(SharedCatalog& catalog) : catalog_(catalog) {}
    Result<std::vector<upstreams::UpstreamSpec>> load() override;
    void save(upstreams::UpstreamSpec spec, UniqueFunction<void(Result<void>)> done) override;
    void remove(TenantId tenant, std::string name,
                UniqueFunction<void(Result<void>)> done) override;

  private:
    SharedCatalog& catalog_;
};

}  // namespace headrace::stores
