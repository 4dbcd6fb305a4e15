#include "main/stores.hpp"

namespace headrace::main {

Result<Stores> Stores::open(const stores::DataFolder& folder, const ServerSettings& settings,
                            const Clock& clock, stores::CommitObserver observer) {
    Stores out;
    auto catalog = stores::CatalogDatabase::open(folder.catalog_db());
    if (!catalog) return fail(std::move(catalog.error()));
    out.catalog = std::move(*catalog);
    out.keys = std::make_unique<stores::SqliteKeyStore>(*out.catalog);
    out.versions = std::make_unique<stores::SqliteVersionStore>(*out.catalog);
    out.audit = std::make_unique<stores::SqliteAuditLog>(*out.catalog);
    auto jobs =
        stores::SqliteJobLog::open(folder.jobs_db(), settings.job_log, clock, std::move(observer));
    if (!jobs) return fail(std::move(jobs.error()));
    out.jobs = std::move(*jobs);
    stores::BlobSettings blob_settings;
    blob_settings.low_water = settings.job_log.low_water;
    auto blobs = stores::DiskBlobStore::open(folder.blobs(), blob_settings, clock);
    if (!blobs) return fail(std::move(blobs.error()));
    out.blobs = std::move(*blobs);
    return out;
}

}  // namespace headrace::main
