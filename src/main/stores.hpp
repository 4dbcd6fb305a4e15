#pragma once

#include <memory>

#include "access/counter_store.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "jobs/claims.hpp"
#include "main/settings.hpp"
#include "stores/disk/blob_store.hpp"
#include "stores/disk/data_folder.hpp"
#include "stores/sqlite/account_store.hpp"
#include "stores/sqlite/audit_log.hpp"
#include "stores/sqlite/catalog_database.hpp"
#include "stores/sqlite/job_log.hpp"
#include "stores/sqlite/key_store.hpp"
#include "stores/sqlite/version_store.hpp"

namespace headrace::main {

/// What lasts: catalog.db and the blobs in the data folder, and the job log there or on PostgreSQL.
struct Stores {
    /// Blocking. The error names the file or the setting.
    static Result<Stores> open(const stores::DataFolder& folder, const ServerSettings& settings,
                               const Clock& clock, stores::CommitObserver observer);

    std::unique_ptr<stores::CatalogDatabase> catalog;
    std::unique_ptr<stores::SqliteKeyStore> keys;
    std::unique_ptr<stores::SqliteAccountStore> accounts;
    std::unique_ptr<stores::SqliteVersionStore> versions;
    std::unique_ptr<stores::SqliteAuditLog> audit;
    std::unique_ptr<stores::JobStore> jobs;
    jobs::JobClaims* claims = nullptr;               // of `jobs`, where servers share it
    std::unique_ptr<access::CounterStore> counters;  // null: each server counts alone
    std::unique_ptr<stores::DiskBlobStore> blobs;
};

}  // namespace headrace::main
