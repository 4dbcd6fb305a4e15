#include "stores/sqlite/snapshot.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "stores/sqlite/database.hpp"
#include "stores/sqlite/epoch.hpp"
#include "stores/sqlite/job_row.hpp"
#include "stores/sqlite/migrations.hpp"
#include "stores/sqlite/usage_reader.hpp"

namespace headrace::stores {
namespace {

DatabaseOptions patient() {
    DatabaseOptions options;
    options.read_only = true;
    options.busy_timeout_ms = 60'000;
    return options;
}

Result<void> structure(Database& database, const std::string& path) {
    auto sound = check_structure(database);
    if (sound) return sound;
    return fail(ErrorCode::internal, path + ": " + sound.error().message);
}

Result<std::uint64_t> read_jobs(Statement rows, std::string_view table) {
    std::uint64_t count = 0;
    rows.start();
    for (;; ++count) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return count;
        const TenantId tenant{std::string(rows.bytes(7))};
        if (auto job = read_job_row(table, tenant, rows); !job) return fail(job.error());
    }
}

/// A backup of a version before the blocks has none, and its rows were never looked at here.
Result<void> usage(Database& database) {
    Statement blocks = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'usage_blocks'");
    blocks.start();
    const auto found = blocks.step();
    if (!found) return fail(found.error());
    if (!*found) return {};
    blocks.reset();
    return UsageReader(database).check_every_row();
}

}  // namespace

Result<void> snapshot_database(const std::string& from, const std::string& to) {
    {
        DatabaseOptions options = patient();
        options.read_only = false;  // a new file is written; the database itself is only read
        auto database = Database::open(from, options);
        if (!database) return fail(database.error());
        // One read transaction: unlike the backup interface it never begins again under load.
        auto done = database->prepare("VACUUM INTO ?").run(to);
        if (!done) return fail(ErrorCode::unavailable, to + ": " + done.error().message);
    }
    const UniqueFd file(::open(to.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fchmod(file.get(), 0600) != 0 || ::fsync(file.get()) != 0) {
        return fail(ErrorCode::unavailable, to + ": " + std::strerror(errno));
    }
    return {};
}

Result<void> check_database(const std::string& path) {
    auto database = Database::open(path, patient());
    if (!database) return fail(database.error());
    return structure(*database, path);
}

Result<RowCounts> check_jobs_database(const std::string& path) {
    auto database = Database::open(path, patient());
    if (!database) return fail(database.error());
    if (auto sound = structure(*database, path); !sound) return fail(sound.error());
    auto open = read_jobs(database->prepare("SELECT id, state, caller, capability, version, sum, "
                                            "body, tenant FROM open_jobs"),
                          "open_jobs");
    if (!open) return fail(open.error());
    auto ended = read_jobs(database->prepare("SELECT id, state, caller, capability, version, sum, "
                                             "body, tenant FROM ended_jobs"),
                           "ended_jobs");
    if (!ended) return fail(ended.error());
    if (auto sound = usage(*database); !sound) return fail(sound.error());
    return RowCounts{*open, *ended};
}

Result<void> each_blob(const std::string& jobs_db, const VisitBlob& visit) {
    auto database = Database::open(jobs_db, patient());
    if (!database) return fail(database.error());
    Statement rows = database->prepare("SELECT DISTINCT tenant, digest FROM blob_refs");
    rows.start();
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return {};
        const TenantId tenant{std::string(rows.bytes(0))};
        const auto bytes = rows.bytes(1);
        Sha256 digest{};
        if (bytes.size() != digest.size()) {
            return fail(ErrorCode::internal, jobs_db + ": a reference to a blob is damaged");
        }
        std::ranges::copy(bytes, digest.begin());
        if (auto seen = visit(tenant, digest); !seen) return seen;
    }
}

Result<bool> is_blob_used(const std::string& jobs_db, const TenantId& tenant,
                          const Sha256& digest) {
    auto database = Database::open(jobs_db, patient());
    if (!database) return fail(database.error());
    const std::string_view bytes(reinterpret_cast<const char*>(digest.data()), digest.size());
    Statement row =
        database->prepare("SELECT 1 FROM blob_refs WHERE tenant = ? AND digest = ? LIMIT 1");
    row.start(tenant.name, Blob{bytes});
    return row.step();
}

Result<std::uint64_t> pass_epochs(const std::string& jobs_db, std::int64_t by) {
    auto database = Database::open(jobs_db);
    if (!database) return fail(database.error());
    if (auto begun = database->execute("BEGIN IMMEDIATE"); !begun) return fail(begun.error());
    auto epoch = raise_epoch(*database, by);
    if (epoch) {
        if (auto done = database->execute("COMMIT"); !done) epoch = fail(done.error());
    }
    if (!epoch) database->rollback();
    return epoch;
}

}  // namespace headrace::stores
