#pragma once

#include <memory>

#include "access/audit.hpp"
#include "access/counter_store.hpp"
#include "access/directory.hpp"
#include "access/keys.hpp"
#include "access/secrets.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "jobs/claims.hpp"
#include "main/settings.hpp"
#include "stores/disk/blob_store.hpp"
#include "stores/disk/data_folder.hpp"
#include "stores/postgres/shared_catalog.hpp"
#include "stores/sqlite/catalog_database.hpp"
#include "stores/sqlite/job_log.hpp"
#include "stores/sqlite/version_store.hpp"
#include "upstreams/store.hpp"

namespace headrace::main {

/// What lasts: catalog.db and the blobs in the data folder; the job log there or on PostgreSQL, and
/// there keys, accounts, audit and upstreams too, for all servers on the database.
struct Stores {
    /// Blocking. The error names the file or the setting. `keys` outlives it.
    static Result<Stores> open(const stores::DataFolder& folder, const ServerSettings& settings,
                               const access::MasterKeys& master_keys, const Clock& clock,
                               stores::CommitObserver observer);

    std::unique_ptr<access::Sealer> sealer;  // of upstreams in catalog.db
    std::unique_ptr<stores::CatalogDatabase> catalog;
    std::unique_ptr<stores::SharedCatalog> shared;  // null: the catalog is this server's own
    std::unique_ptr<access::KeyStore> keys;
    std::unique_ptr<access::AccountStore> accounts;
    std::unique_ptr<access::AuditLog> audit;
    std::unique_ptr<upstreams::UpstreamStore> upstreams;
    std::unique_ptr<stores::SqliteVersionStore> versions;
    std::unique_ptr<stores::JobStore> jobs;
    jobs::JobClaims* claims = nullptr;               // of `jobs`, where servers share it
    std::unique_ptr<access::CounterStore> counters;  // null: each server counts alone
    std::unique_ptr<stores::DiskBlobStore> blobs;
};

}  // namespace headrace::main
