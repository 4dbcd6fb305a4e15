#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "base/loop.hpp"
#include "jobs/backoff.hpp"
#include "stores/base/backlog.hpp"
#include "stores/base/commit_pace.hpp"
#include "stores/base/job_store.hpp"
#include "stores/postgres/batch.hpp"
#include "stores/postgres/node.hpp"

namespace headrace::stores {

/// The one thread of this node that writes to PostgreSQL. It takes whatever was gathered while the
/// last commit ran, sends it as one pipeline in one transaction, and answers after the commit: each
/// loop gets the answers of a batch, in order, as one wake-up.
///
/// A refused change fails alone. When the connection is lost during a commit, the commit's number
/// in table `commits` tells afterwards whether it happened: nothing is lost or written twice.
/// Writes wait `patience` for the connection to come back, then they are `unavailable`; an accept
/// that turns out to have been committed all the same is taken back before anything else is
/// written.
class PgCommitter {
  public:
    /// `connection` may be lost already.
    PgCommitter(PgConnection connection, PgNode& node, const PostgresSettings& settings,
                const Clock& clock, CommitObserver observer);
    /// Commits and answers what is queued, then joins. Loops must outlive it.
    ~PgCommitter();
    PgCommitter(const PgCommitter&) = delete;
    PgCommitter& operator=(const PgCommitter&) = delete;

    // Thread-safe. `done` runs on the calling loop, or here when the caller runs none.
    void write(jobs::LogWrite write, jobs::Done<void> done);
    void put_file(jobs::FileRecord file, jobs::Done<void> done);
    void remove_file(TenantId tenant, FileId id, jobs::Done<bool> done);

    /// False while the connection is lost or commits fail. Thread-safe.
    [[nodiscard]] bool writable() const { return writable_.load(std::memory_order_relaxed); }

  private:
    struct Pending {
        PgChange change;
        std::variant<jobs::Done<void>, jobs::Done<bool>> done;
        Loop* loop = nullptr;
        /// A later change of the batch says it again: committed with it, it need not be written.
        bool superseded = false;
        Result<bool> result = true;  // false: there was nothing to remove
    };
    using Batch = std::vector<Pending>;
    using Time = std::chrono::steady_clock::time_point;

    void push(Pending pending);
    void serve();
    bool take(Batch& batch);
    void gather(std::unique_lock<std::mutex>& lock);
    void find_superseded(Batch& batch);
    void commit(Batch& batch);
    bool commit_together(std::vector<Pending*>& members);
    void commit_one_by_one(std::vector<Pending*>& members);
    bool settle(std::vector<Pending*>& members, Time until);
    std::optional<bool> happened();
    void judge(std::vector<Pending*>& members, bool in_doubt);
    static void refuse(const std::vector<Pending*>& members, const Error& error);
    bool connect();
    bool undo();
    static void answer(Batch batch);

    PgConnection connection_;
    PgNode& node_;
    const PostgresSettings& settings_;
    const Clock& clock_;
    CommitObserver observer_;
    std::atomic<bool> writable_{true};
    Backlog<Pending> backlog_;
    ToldLater told_later_;
    std::uint64_t number_ = 0;       // of the last commit that was sent
    std::vector<PgChange> doubted_;  // accepts of that commit, whose callers were refused
    Error last_error_;
    Time next_try_{};
    std::uint32_t failures_ = 0;
    jobs::Backoff backoff_;

    std::mutex mutex_;  // guards inbox_, hurry_, closing_; never held during a commit
    std::condition_variable wake_;
    Batch inbox_;
    Hurry hurry_ = Hurry::usage;  // of inbox_
    bool closing_ = false;
    std::thread thread_;
};

}  // namespace headrace::stores
