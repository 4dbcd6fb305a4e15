#include "main/stores.hpp"

#include <fstream>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "main/shared_stores.hpp"
#include "stores/catalog/upstream_row.hpp"
#include "stores/postgres/connection.hpp"
#include "stores/postgres/counter_store.hpp"
#include "stores/postgres/job_log.hpp"
#include "stores/sqlite/account_store.hpp"
#include "stores/sqlite/audit_log.hpp"
#include "stores/sqlite/key_store.hpp"
#include "stores/sqlite/upstream_store.hpp"

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

Result<std::unique_ptr<stores::PostgresJobLog>> open_postgres(stores::PostgresSettings settings,
                                                              const Clock& clock,
                                                              stores::CommitObserver observer) {
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
                            const access::MasterKeys& master_keys, const Clock& clock,
                            stores::CommitObserver observer) {
    Stores out;
    out.sealer = std::make_unique<access::Sealer>(master_keys, stores::kUpstreamPurpose);
    stores::OpenOptions catalog_options;
    catalog_options.migrate = settings.job_log.migrate;
    auto catalog = stores::CatalogDatabase::open(folder.catalog_db(), catalog_options);
    if (!catalog) return fail(std::move(catalog.error()));
    out.catalog = std::move(*catalog);
    out.versions = std::make_unique<stores::SqliteVersionStore>(*out.catalog);
    if (settings.on_postgres) {
        auto postgres = settings.postgres;
        if (postgres.node.empty()) {
            auto name = node_name(folder);
            if (!name) return fail(name.error());
            postgres.node = std::move(*name);
        }
        auto jobs = open_postgres(postgres, clock, std::move(observer));
        if (!jobs) return fail(std::move(jobs.error()));
        out.claims = jobs->get();
        if (settings.share_limits) {
            out.counters = std::make_unique<stores::PostgresCounterStore>(settings.postgres, clock);
        }
        out.jobs = std::move(*jobs);
        if (settings.share_catalog) {
            auto shared =
                share_catalog(out, {postgres, settings.master_key_file}, master_keys, clock);
            if (!shared) return fail(std::move(shared).error());
        }
    } else {
        auto jobs = stores::SqliteJobLog::open(folder.jobs_db(), settings.job_log, clock,
                                               std::move(observer));
        if (!jobs) return fail(std::move(jobs.error()));
        out.jobs = std::move(*jobs);
    }
    if (!out.shared) {
        out.keys = std::make_unique<stores::SqliteKeyStore>(*out.catalog);
        out.accounts = std::make_unique<stores::SqliteAccountStore>(*out.catalog);
        out.audit = std::make_unique<stores::SqliteAuditLog>(*out.catalog);
        out.upstreams = std::make_unique<stores::SqliteUpstreamStore>(*out.catalog, *out.sealer);
    }
    stores::BlobSettings blob_settings;
    blob_settings.low_water = settings.job_log.low_water;
    auto blobs = stores::DiskBlobStore::open(folder.blobs(), blob_settings, clock);
    if (!blobs) return fail(std::move(blobs.error()));
    out.blobs = std::move(*blobs);
    return out;
}

}  // namespace headrace::main
