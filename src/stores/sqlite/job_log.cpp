#include "stores/sqlite/job_log.hpp"

#include <filesystem>

#include "stores/base/lane.hpp"
#include "stores/sqlite/epoch.hpp"
#include "stores/sqlite/job_reader.hpp"
#include "stores/sqlite/open_jobs.hpp"
#include "stores/sqlite/schema.hpp"
#include "stores/sqlite/usage_reader.hpp"

namespace headrace::stores {
namespace {

DatabaseOptions reading(DatabaseOptions options) {
    options.read_only = true;
    return options;
}

class SqliteBlobReferences final : public jobs::BlobReferences {
  public:
    explicit SqliteBlobReferences(Database database)
        : database_(std::move(database)),
          check_(database_.prepare("PRAGMA integrity_check('blob_refs')")),
          next_tenant_(database_.prepare("SELECT min(tenant) FROM blob_refs WHERE tenant > ?")),
          refers_(database_.prepare(
              "SELECT 1 FROM blob_refs WHERE tenant = ? AND digest = ? LIMIT 1")) {}

    Result<std::vector<TenantId>> tenants() override {
        if (auto sound = check(); !sound) return fail(sound.error());
        std::vector<TenantId> out;
        std::string last;
        for (;;) {
            next_tenant_.start(last);
            const auto row = next_tenant_.step();
            if (!row) return fail(row.error());
            if (!*row || next_tenant_.is_null(0)) break;
            last = next_tenant_.bytes(0);
            out.emplace_back(last);
        }
        next_tenant_.reset();
        return out;
    }

    Result<bool> refers(const TenantId& tenant, const Sha256& digest) override {
        const std::string_view bytes(reinterpret_cast<const char*>(digest.data()), digest.size());
        refers_.start(tenant.name, Blob{bytes});
        auto row = refers_.step();
        refers_.reset();
        return row;
    }

  private:
    // A damaged digest looks like a blob that nobody refers to. Every reference stands in the table
    // and in its index; a bit that flips in one of them shows.
    Result<void> check() {
        check_.start();
        const auto row = check_.step();
        if (!row) return fail(row.error());
        const bool sound = *row && check_.bytes(0) == "ok";
        check_.reset();
        if (sound) return {};
        return fail(ErrorCode::internal, "jobs.db is damaged: table blob_refs");
    }

    Database database_;
    Statement check_, next_tenant_, refers_;
};

}  // namespace

/// The connections that read, each with its thread. The lanes stand last: they end first.
class SqliteJobLog::Readers {
  public:
    static Result<std::unique_ptr<Readers>> open(const std::string& path,
                                                 const DatabaseOptions& options) {
        auto points = Database::open(path, reading(options));
        if (!points) return fail(points.error());
        auto lists = Database::open(path, reading(options));
        if (!lists) return fail(lists.error());
        return std::unique_ptr<Readers>(new Readers(std::move(*points), std::move(*lists)));
    }

  private:
    Readers(Database points, Database lists)
        : points_database(std::move(points)), lists_database(std::move(lists)) {}
    Database points_database;
    Database lists_database;

  public:
    JobReader points{points_database};
    JobReader lists{lists_database};
    UsageReader usage{lists_database};
    Lane points_lane{"jobs-read"};
    Lane lists_lane{"jobs-list"};
};

SqliteJobLog::SqliteJobLog(std::string path, JobLogSettings settings, const Clock& clock)
    : path_(std::move(path)),
      settings_(settings),
      clock_(clock),
      space_(std::filesystem::path(path_).parent_path().string(), settings.low_water, clock) {}

SqliteJobLog::~SqliteJobLog() = default;

Result<std::unique_ptr<SqliteJobLog>> SqliteJobLog::open(const std::string& path,
                                                         JobLogSettings settings,
                                                         const Clock& clock,
                                                         CommitObserver observer) {
    auto database = open_checked(path, jobs_schema(),
                                 {settings.database, settings.migrate, settings.full_check_bytes});
    if (!database) return fail(database.error());
    std::error_code no_size;
    if (std::filesystem::file_size(path, no_size) <= settings.full_check_bytes) {
        if (auto sound = JobReader(*database).check_every_row(); !sound) return fail(sound.error());
    }
    std::unique_ptr<SqliteJobLog> log(new SqliteJobLog(path, settings, clock));
    auto readers = Readers::open(path, settings.database);
    if (!readers) return fail(readers.error());
    log->readers_ = std::move(*readers);
    log->committer_ = std::make_unique<Committer>(std::move(*database), settings.retention, clock,
                                                  &log->space_, std::move(observer));
    return log;
}

Result<std::uint64_t> SqliteJobLog::begin_epoch() {
    DatabaseOptions marked = settings_.database;
    marked.mark_log = true;
    auto database = Database::open(path_, marked);
    if (!database) return fail(database.error());
    auto begun = database->execute("BEGIN IMMEDIATE");
    if (!begun) return fail(begun.error());
    auto epoch = raise_epoch(*database, 1);
    if (epoch) {
        if (auto done = database->execute("COMMIT"); !done) epoch = fail(done.error());
    }
    if (!epoch) database->rollback();
    return epoch;
}

Result<void> SqliteJobLog::load_open(const TakeJob& take) {
    auto database = Database::open(path_, reading(settings_.database));
    if (!database) return fail(database.error());
    return read_open_jobs(*database, take);
}

void SqliteJobLog::write(jobs::LogWrite write, jobs::Done<void> done) {
    committer_->write(std::move(write), std::move(done));
}

void SqliteJobLog::get(TenantId tenant, JobId id, jobs::Done<std::optional<jobs::JobRecord>> done) {
    readers_->points_lane.ask<std::optional<jobs::JobRecord>>(
        [this, tenant = std::move(tenant), id] { return readers_->points.get(tenant, id); },
        std::move(done));
}

void SqliteJobLog::list(jobs::JobQuery query, jobs::Done<std::vector<jobs::JobRecord>> done) {
    readers_->lists_lane.ask<std::vector<jobs::JobRecord>>(
        [this, query = std::move(query)] { return readers_->lists.list(query); }, std::move(done));
}

void SqliteJobLog::load_input(TenantId tenant, JobId id,
                              jobs::Done<std::shared_ptr<const jobs::Payload>> done) {
    readers_->points_lane.ask<std::shared_ptr<const jobs::Payload>>(
        [this, tenant = std::move(tenant), id] { return readers_->points.load_input(tenant, id); },
        std::move(done));
}

void SqliteJobLog::find_idempotent(TenantId tenant, std::string key,
                                   jobs::Done<std::optional<jobs::JobRecord>> done) {
    readers_->points_lane.ask<std::optional<jobs::JobRecord>>(
        [this, tenant = std::move(tenant), key = std::move(key)] {
            const auto kept = std::chrono::duration_cast<std::chrono::milliseconds>(
                settings_.retention.idempotency);
            return readers_->points.find_idempotent(tenant, key, clock_.wall() - kept.count());
        },
        std::move(done));
}

void SqliteJobLog::usage(jobs::UsageQuery query, jobs::Done<std::vector<jobs::UsageRecord>> done) {
    readers_->lists_lane.ask<std::vector<jobs::UsageRecord>>(
        [this, query = std::move(query)] { return readers_->usage.list(query, clock_.wall()); },
        std::move(done));
}

void SqliteJobLog::put_file(jobs::FileRecord file, jobs::Done<void> done) {
    committer_->put_file(std::move(file), std::move(done));
}

void SqliteJobLog::get_file(TenantId tenant, FileId id,
                            jobs::Done<std::optional<jobs::FileRecord>> done) {
    readers_->points_lane.ask<std::optional<jobs::FileRecord>>(
        [this, tenant = std::move(tenant), id] {
            return readers_->points.get_file(tenant, id, clock_.wall());
        },
        std::move(done));
}

void SqliteJobLog::list_files(jobs::FileQuery query,
                              jobs::Done<std::vector<jobs::FileRecord>> done) {
    readers_->lists_lane.ask<std::vector<jobs::FileRecord>>(
        [this, query = std::move(query)] {
            return readers_->lists.list_files(query, clock_.wall());
        },
        std::move(done));
}

void SqliteJobLog::remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) {
    committer_->remove_file(std::move(tenant), id, std::move(done));
}

void SqliteJobLog::expire(WallMs now, jobs::Done<Expired> done) {
    committer_->expire(now, std::move(done));
}

bool SqliteJobLog::writable() const {
    return committer_->writable();
}

Result<std::unique_ptr<jobs::BlobReferences>> SqliteJobLog::references() const {
    auto database = Database::open(path_, reading(settings_.database));
    if (!database) return fail(database.error());
    return std::unique_ptr<jobs::BlobReferences>(
        std::make_unique<SqliteBlobReferences>(std::move(*database)));
}

}  // namespace headrace::stores
