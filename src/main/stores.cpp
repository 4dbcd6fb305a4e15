#include "main/stores.hpp"

#include <fstream>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "stores/postgres/connection.hpp"
#include "stores/postgres/counter_store.hpp"
#include "stores/postgres/job_log.hpp"

namespace headrace::main {
namespace {

/// The name that this data folder had before, or a new one.
Result<std::string> node_name(const stores::DataFolder& folder) {
    const std::string path = folder.path() + "/node";
    std::string name;
    if (std::ifstream in(path); in && std::getline(in, name) && !name.empty()) return name;
    name = to_hex(random_bytes(8));
    std::ofstream out(path);
    out << name << '\n';
    out.close();
    if (!out) return fail(ErrorCode::unavailable, path + " cannot be written");
    return name;
}

Result<std::unique_ptr<stores::PostgresJobLog>> open_postgres(const stores::DataFolder& folder,
                                                              stores::PostgresSettings settings,
                                                              const Clock& clock,
                                                              stores::CommitObserver observer) {
    if (settings.node.empty()) {
        auto name = node_name(folder);
        if (!name) return fail(name.error());
        settings.node = std::move(*name);
    }
    const std::string where = stores::describe_url(settings.url).value_or("");
    const std::string node = settings.node;
    auto jobs = stores::PostgresJobLog::open(std::move(settings), clock, std::move(observer));
    if (jobs) {
        log::info("job log on PostgreSQL database=\"{}\" node={}", where, node);
        return jobs;
    }
    const std::string& why = jobs.error().message;
    const bool password = jobs.error().code == ErrorCode::invalid_argument &&
                          why.find("password") != std::string::npos;
    return fail(
        jobs.error().code,
        fmt::format("{}: {}: {}", password ? "postgres.password" : "postgres.url", where, why));
}

}  // namespace

Result<Stores> Stores::open(const stores::DataFolder& folder, const ServerSettings& settings,
                            const Clock& clock, stores::CommitObserver observer) {
    Stores out;
    stores::OpenOptions catalog_options;
    catalog_options.migrate = settings.job_log.migrate;
    auto catalog = stores::CatalogDatabase::open(folder.catalog_db(), catalog_options);
    if (!catalog) return fail(std::move(catalog.error()));
    out.catalog = std::move(*catalog);
    out.keys = std::make_unique<stores::SqliteKeyStore>(*out.catalog);
    out.accounts = std::make_unique<stores::SqliteAccountStore>(*out.catalog);
    out.versions = std::make_unique<stores::SqliteVersionStore>(*out.catalog);
    out.audit = std::make_unique<stores::SqliteAuditLog>(*out.catalog);
    if (settings.on_postgres) {
        auto jobs = open_postgres(folder, settings.postgres, clock, std::move(observer));
        if (!jobs) return fail(std::move(jobs.error()));
        out.claims = jobs->get();
        if (settings.share_limits) {
            out.counters = std::make_unique<stores::PostgresCounterStore>(settings.postgres, clock);
        }
        out.jobs = std::move(*jobs);
    } else {
        auto jobs = stores::SqliteJobLog::open(folder.jobs_db(), settings.job_log, clock,
                                               std::move(observer));
        if (!jobs) return fail(std::move(jobs.error()));
        out.jobs = std::move(*jobs);
    }
    stores::BlobSettings blob_settings;
    blob_settings.low_water = settings.job_log.low_water;
    auto blobs = stores::DiskBlobStore::open(folder.blobs(), blob_settings, clock);
    if (!blobs) return fail(std::move(blobs.error()));
    out.blobs = std::move(*blobs);
    return out;
}

}  // namespace headrace::main
