#pragma once

#include "access/secrets.hpp"
#include "stores/sqlite/catalog_database.hpp"
#include "upstreams/store.hpp"

namespace headrace::stores {

/// Upstreams in catalog.db, their keys sealed under the master key. Callable from any thread.
class SqliteUpstreamStore final : public upstreams::UpstreamStore {
  public:
    /// Both outlive the store.
    SqliteUpstreamStore(CatalogDatabase& catalog, const access::Sealer& sealer)
        : catalog_(catalog), sealer_(sealer) {}
    Result<std::vector<upstreams::UpstreamSpec>> load() override;
    void save(upstreams::UpstreamSpec spec, UniqueFunction<void(Result<void>)> done) override;
    void remove(TenantId tenant, std::string name,
                UniqueFunction<void(Result<void>)> done) override;

  private:
    CatalogDatabase& catalog_;
    const access::Sealer& sealer_;
};

}  // namespace headrace::stores
