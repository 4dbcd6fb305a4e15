#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/ports.hpp"
#include "stores/memory/virtual_time.hpp"

namespace headrace::stores {

/// What has reached the platter. Outlives the log, as a disk outlives a process.
struct MemoryDisk {
    struct Row {
        jobs::JobRecord record;
        std::shared_ptr<const jobs::Payload> input;
    };
    std::uint64_t epoch = 0;
    std::map<JobId, Row> jobs;                                  // by age
    std::map<std::pair<std::string, std::string>, JobId> keys;  // tenant, idempotency key
    std::map<JobId, jobs::UsageRecord> usage;
    std::map<FileId, jobs::FileRecord> files;
    /// How often each job was metered, or asked to be: for tests that count.
    std::map<JobId, std::uint32_t> metered;
    std::uint32_t refused_ends = 0;  // of jobs that had ended or were not there
};

/// How the disk behaves. Asked anew for every commit, so that a test can change its mind.
struct DiskBehaviour {
    UniqueFunction<std::chrono::nanoseconds()> delay;  // of one commit or read; null = none
    UniqueFunction<bool()> fails;  // this commit finds the disk full; null = never
};

/// A job log on a virtual disk with group commit: what is written while a commit is under way goes
/// with the next. A crash is the log's destruction: nothing is answered any more, and the commit
/// that was under way has reached the disk or not, as crash() was told; later writes never do.
class MemoryJobLog final : public jobs::JobLog {
  public:
    MemoryJobLog(MemoryDisk& disk, VirtualTime& time, DiskBehaviour behaviour = {});
    ~MemoryJobLog() override;

    void crash(bool commit_arrived);

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

  private:
    struct Change {
        UniqueFunction<Result<void>()> apply;
        jobs::Done<void> done;
    };
    void add(Change change);
    void commit();
    void committed(bool failed);
    template <class T, class Read>
    void read(Read look, jobs::Done<T> done);
    Result<void> apply(const jobs::LogWrite& write);
    void apply_end(const jobs::LogWrite& write);
    [[nodiscard]] bool key_stands(JobId id) const;
    std::chrono::nanoseconds delay() {
        return behaviour_.delay ? behaviour_.delay() : std::chrono::nanoseconds(0);
    }

    MemoryDisk& disk_;
    VirtualTime& time_;
    DiskBehaviour behaviour_;
    std::shared_ptr<char> alive_ = std::make_shared<char>();
    std::vector<Change> waiting_;
    std::vector<Change> committing_;
};

}  // namespace headrace::stores
