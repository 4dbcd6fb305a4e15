#pragma once

#include "access/keys.hpp"
#include "stores/sqlite/catalog_database.hpp"

namespace headrace::stores {

/// Keys in catalog.db. Callable from any thread.
class SqliteKeyStore final : public access::KeyStore {
  public:
    explicit SqliteKeyStore(CatalogDatabase& catalog) : catalog_(catalog) {}
    Result<std::vector<access::KeyRecord>> load_all() override;
    void save(access::KeyRecord record, access::Done<void> done) override;
    void revoke(TenantId tenant, std::string id, WallMs at, access::Done<void> done) override;

  private:
    CatalogDatabase& catalog_;
};

}  // namespace headrace::stores
