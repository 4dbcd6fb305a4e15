#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "base/disk_space.hpp"
#include "base/loop.hpp"
#include "jobs/ports.hpp"
#include "stores/base/backlog.hpp"
#include "stores/base/commit_pace.hpp"
#include "stores/sqlite/job_expiry.hpp"
#include "stores/sqlite/job_writer.hpp"

namespace headrace::stores {

/// The one thread that writes jobs.db. It takes whatever was gathered while the last commit ran,
/// applies it in one transaction and answers after the data is on disk: each loop gets the answers
/// of a batch, in order, as one wake-up.
///
/// When a batch fails it is rolled back whole and its changes are committed one by one, so that a
/// bad one fails alone. Below the low-water mark of the disk new jobs and files are refused
/// (`unavailable`), so that there is room to end what was accepted.
class Committer {
  public:
    /// `space` may be null: no low-water mark.
    Committer(Database database, Retention retention, const Clock& clock, DiskSpace* space,
              CommitObserver observer);
    /// Commits and answers what is queued, then joins. Loops must outlive it.
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    // Thread-safe. `done` runs on the calling loop, or here when the caller runs none.
    void write(jobs::LogWrite write, jobs::Done<void> done);
    void put_file(jobs::FileRecord file, jobs::Done<void> done);
    void remove_file(TenantId tenant, FileId id, jobs::Done<bool> done);
    void expire(WallMs now, jobs::Done<Expired> done);

    /// False from a commit that failed until one succeeds. Thread-safe.
    [[nodiscard]] bool writable() const { return writable_.load(std::memory_order_relaxed); }

  private:
    template <class Change, class T>
    struct Op {
        Change change;
        jobs::Done<T> done;
        Result<T> result{};
    };
    struct Removal {
        TenantId tenant;
        FileId id;
    };
    struct Sweep {
        WallMs now = 0;
        bool complete = false;
    };
    struct Pending {
        /// A later change of the batch says it again: committed with it, it need not be written.
        bool superseded = false;
        std::variant<Op<jobs::LogWrite, void>, Op<jobs::FileRecord, void>, Op<Removal, bool>,
                     Op<Sweep, Expired>>
            op;
        Loop* loop = nullptr;
    };
    using Batch = std::vector<Pending>;
    void push(Pending pending);
    void serve();
    bool take(Batch& batch);
    void wait(std::unique_lock<std::mutex>& lock);
    void commit(Batch& batch);
    void find_superseded(Batch& batch);
    Result<void> commit_together(Batch& batch);
    void commit_one_by_one(Batch& batch);
    Result<void> apply(Pending& pending, WallMs now);
    Result<void> refuse_when_low(const Pending& pending);
    void answer(Batch batch);

    Database database_;
    JobWriter writer_;
    JobExpiry expiry_;
    ToldLater told_later_;
    Retention retention_;
    const Clock& clock_;
    DiskSpace* space_;
    CommitObserver observer_;
    std::atomic<bool> writable_{true};
    Backlog<Pending> backlog_;

    std::mutex mutex_;  // guards inbox_, hurry_, closing_; never held during a commit
    std::condition_variable wake_;
    Batch inbox_;
    Hurry hurry_ = Hurry::usage;  // of inbox_
    bool closing_ = false;
    std::thread thread_;
};

}  // namespace headrace::stores
