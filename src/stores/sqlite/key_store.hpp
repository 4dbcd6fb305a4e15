#pragma once

#include "access/keys.hpp"
#include "stores/sqlite/catalog_database.hpp"

namespace headrace::stores {

/// Keys in catalog.db. Callable from any thread. What came with later versions of the program
/// stands in a row of its own (key_details), so that the version before can still read the keys.
class SqliteKeyStore final : public access::KeyStore {
  public:
    explicit SqliteKeyStore(CatalogDatabase& catalog) : catalog_(catalog) {}
    Result<std::vector<access::KeyRecord>> load_all() override;
    void save(access::KeyRecord record, access::Done<void> done) override;
    void revoke(TenantId tenant, std::string id, WallMs at, access::Done<void> done) override;
    void note_uses(std::vector<access::KeyUse> uses, access::Done<void> done) override;

  private:
    CatalogDatabase& catalog_;
};

}  // namespace headrace::stores
