#pragma once

#include "catalog/ports.hpp"
#include "stores/sqlite/catalog_database.hpp"

namespace headrace::stores {

/// Registered versions in catalog.db. Callable from any thread.
class SqliteVersionStore final : public catalog::CatalogStore {
  public:
    explicit SqliteVersionStore(CatalogDatabase& catalog) : catalog_(catalog) {}
    Result<std::vector<catalog::VersionRecord>> load() override;
    void save(std::vector<catalog::VersionRecord> records,
              UniqueFunction<void(Result<void>)> done) override;
    void remove(TenantId tenant, std::string name, std::string version,
                UniqueFunction<void(Result<void>)> done) override;

  private:
    CatalogDatabase& catalog_;
};

}  // namespace headrace::stores
