#pragma once

#include <functional>
#include <memory>

#include "access/secrets.hpp"
#include "base/result.hpp"
#include "stores/sqlite/catalog_database.hpp"
#include "stores/sqlite/upstream_store.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::main {

/// The upstreams with what keeps them and who speaks to them.
class DialledServers {
  public:
    struct Parts {
        Loop& loop;  // the core's
        jobs::Core& core;
        jobs::BlobStore& blobs;
        catalog::Catalog& catalog;
        const http::GuardedFetch& fetch;
        stores::CatalogDatabase& database;
        const access::MasterKeys& master_keys;
        telemetry::Registry& metrics;
        const Clock& clock;
        IdSource& ids;
        std::function<void(const JobId&, const upstreams::UpstreamSpec&)> called{};
    };
    explicit DialledServers(const Parts& parts);

    [[nodiscard]] upstreams::Upstreams& room() { return upstreams_; }

  private:
    access::Sealer sealer_;
    stores::SqliteUpstreamStore store_;
    upstreams::Upstreams upstreams_;
};

}  // namespace headrace::main
