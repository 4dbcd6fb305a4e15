#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "stores/base/job_store.hpp"
#include "stores/sqlite/committer.hpp"
#include "stores/sqlite/database.hpp"
#include "stores/sqlite/job_expiry.hpp"
#include "stores/sqlite/migrations.hpp"

namespace headrace::stores {

struct JobLogSettings {
    Retention retention;
    LowWater low_water;
    DatabaseOptions database;
    MigrateOptions migrate;
    std::uint64_t full_check_bytes = 32ULL << 20;  // larger files are not read whole at a start
};

/// jobs.db: the durable record of jobs on SQLite. Callable from any thread; answers on the calling
/// loop (on a thread of its own when the caller runs none), which must outlive it. One thread
/// writes, one serves point reads, one serves lists, so that a long list delays nobody's job.
class SqliteJobLog final : public JobStore {
  public:
    /// Blocking. `internal`, naming the file, when it is damaged or of a newer program.
    static Result<std::unique_ptr<SqliteJobLog>> open(const std::string& path,
                                                      JobLogSettings settings, const Clock& clock,
                                                      CommitObserver observer = {});
    /// Commits and answers what is queued.
    ~SqliteJobLog() override;

    Result<std::uint64_t> begin_epoch() override;
    Result<void> load_open(const TakeJob& take) override;
    void write(jobs::LogWrite write, jobs::Done<void> done) override;
    void get(TenantId tenant, JobId id, jobs::Done<std::optional<jobs::JobRecord>> done) override;
    void list(jobs::JobQuery query, jobs::Done<std::vector<jobs::JobRecord>> done) override;
    void load_input(TenantId tenant, JobId id,
                    jobs::Done<std::shared_ptr<const jobs::Payload>> done) override;
    void find_idempotent(TenantId tenant, std::string key,
                         jobs::Done<std::optional<jobs::JobRecord>> done) override;
    void usage(jobs::UsageQuery query, jobs::Done<std::vector<jobs::UsageRecord>> done) override;
    void put_file(jobs::FileRecord file, jobs::Done<void> done) override;
    void get_file(TenantId tenant, FileId id,
                  jobs::Done<std::optional<jobs::FileRecord>> done) override;
    void list_files(jobs::FileQuery query, jobs::Done<std::vector<jobs::FileRecord>> done) override;
    void remove_file(TenantId tenant, FileId id, jobs::Done<bool> done) override;

    void expire(WallMs now, jobs::Done<Expired> done) override;
    [[nodiscard]] bool writable() const override;
    Result<std::unique_ptr<jobs::BlobReferences>> references() const override;

  private:
    class Readers;
    SqliteJobLog(std::string path, JobLogSettings settings, const Clock& clock);

    std::string path_;
    JobLogSettings settings_;
    const Clock& clock_;
    DiskSpace space_;
    // Ends last: only a connection that may write leaves the log moved into the file at the close.
    std::unique_ptr<Committer> committer_;
    std::unique_ptr<Readers> readers_;
};

}  // namespace headrace::stores
