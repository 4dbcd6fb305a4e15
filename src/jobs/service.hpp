#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "jobs/core.hpp"

namespace headrace::jobs {

/// The core for callers on any loop: each call hops to the core's loop and its answer hops back to
/// the calling loop, gathered into one wake-up per batch. When the caller is on the core's own loop
/// there is no hop. Call from a Loop's thread only.
///
/// Also keeps the core's time: it calls tick() on the core's loop when the core asks for it. The
/// core and both ends' loops must outlive the service; a coroutine that waits here is resumed by
/// the core's answer alone, never cancelled in between.
class Service {
  public:
    Service(Core& core, Loop& core_loop);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    asio::awaitable<Result<Accepted>> submit(Submission submission);
    /// While off, submit() and retry() say `unavailable`; what is accepted goes on. Thread-safe.
    void accept_jobs(bool on) { accepts_.store(on, std::memory_order_relaxed); }
    [[nodiscard]] bool accepts() const { return accepts_.load(std::memory_order_relaxed); }
    /// While off, submit() says `unavailable` to what would be streamed: to a watcher that wants
    /// outputs while they come. Thread-safe.
    void accept_streams(bool on) { accepts_streams_.store(on, std::memory_order_relaxed); }
    [[nodiscard]] bool accepts_streams() const {
        return accepts_streams_.load(std::memory_order_relaxed);
    }
    asio::awaitable<Result<JobView>> promote(JobId id);
    void hang_up(JobId id);
    asio::awaitable<Result<CancelOutcome>> cancel(Scope scope, JobId id);
    asio::awaitable<Result<JobView>> retry(Scope scope, JobId id);
    asio::awaitable<Result<void>> remove_output(Scope scope, JobId id);
    asio::awaitable<Result<JobView>> get(Scope scope, JobId id);
    asio::awaitable<Result<std::vector<JobView>>> list(JobQuery query);
    /// Events arrive on the calling loop, in order. The watcher is let go, and called no more,
    /// after its DoneEvent or unwatch().
    asio::awaitable<Result<WatchTicket>> watch(Scope scope, JobId id, std::uint64_t after,
                                               std::shared_ptr<JobWatcher> watcher);
    void unwatch(WatchTicket ticket);
    /// Waits while the window is used up.
    asio::awaitable<Result<void>> session_input(JobId id, std::string values, bool last);
    void output_taken(JobId id, std::uint64_t bytes);

    asio::awaitable<std::vector<QueueView>> queues(TenantId tenant, bool all_tenants);
    asio::awaitable<Result<void>> pause(VersionPtr version, bool paused);
    asio::awaitable<Result<void>> drain_queue(VersionPtr version, bool draining);
    asio::awaitable<Result<std::uint64_t>> purge(VersionPtr version);
    asio::awaitable<std::vector<WorkerView>> workers();
    asio::awaitable<Result<void>> drain_worker(WorkerId id, bool remove);

    Core& core() { return core_; }  // on the core's loop only
    Loop& core_loop() { return core_loop_; }

  private:
    class Pulse;
    class Relays;

    Core& core_;
    Loop& core_loop_;
    std::atomic<bool> accepts_{true};
    std::atomic<bool> accepts_streams_{true};
    std::shared_ptr<Pulse> pulse_;
    std::shared_ptr<Relays> relays_;
};

}  // namespace headrace::jobs
