#pragma once

#include "access/audit.hpp"
#include "stores/sqlite/catalog_database.hpp"

namespace headrace::stores {

/// The audit in catalog.db. Callable from any thread.
class SqliteAuditLog final : public access::AuditLog {
  public:
    explicit SqliteAuditLog(CatalogDatabase& catalog) : catalog_(catalog) {}
    /// All tenants' entries. Blocking; at start only.
    Result<std::vector<access::AuditEntry>> load_all();
    void append(access::AuditEntry entry, access::Done<void> done) override;
    void list(TenantId tenant, std::uint64_t before, std::uint32_t limit,
              access::Done<std::vector<access::AuditEntry>> done) override;

  private:
    CatalogDatabase& catalog_;
};

}  // namespace headrace::stores
