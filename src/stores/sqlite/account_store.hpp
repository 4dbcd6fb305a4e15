#pragma once

#include "access/directory.hpp"
#include "stores/sqlite/catalog_database.hpp"

namespace headrace::stores {

/// Tenants, apps and users in catalog.db. Callable from any thread.
class SqliteAccountStore final : public access::AccountStore {
  public:
    explicit SqliteAccountStore(CatalogDatabase& catalog) : catalog_(catalog) {}
    Result<std::vector<access::Account>> load_all() override;
    void save(access::Account account, access::Done<void> done) override;
    void remove(access::AccountKind kind, TenantId tenant, std::string name,
                access::Done<void> done) override;

  private:
    CatalogDatabase& catalog_;
};

}  // namespace headrace::stores
