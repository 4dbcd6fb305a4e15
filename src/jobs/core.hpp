#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/unique_function.hpp"
#include "jobs/events.hpp"
#include "jobs/job.hpp"
#include "jobs/ports.hpp"
#include "jobs/settings.hpp"
#include "jobs/submission.hpp"
#include "jobs/worker_port.hpp"

namespace headrace::jobs {

class JobClaims;     // jobs/claims.hpp: nodes that share a log
class CoreObserver;  // jobs/observer.hpp: what metrics and the log listen to

/// How much the core holds right now.
struct CoreCounts {
    std::size_t jobs = 0;   // live ones and those kept after their end
    std::size_t ended = 0;  // of these, ended
    std::size_t running = 0;
    std::size_t preparing = 0;
    std::size_t timers = 0;
    std::size_t writes = 0;   // under way
    std::size_t flights = 0;  // idempotent requests not answered yet
    std::size_t workers = 0;
    std::uint64_t resident_input_bytes = 0;     // of queued durable jobs
    std::uint64_t interactive_input_bytes = 0;  // of interactive jobs that have not ended
};

/// The job core: one pure state machine. It owns all job state, does no I/O of its own and reads no
/// clock but the one it is given, so a simulation can drive it through every fault and replay a
/// run.
///
/// Belongs to one loop. The owner calls tick() at next_deadline(), and gives every call a chance to
/// hand out leases: they leave through WorkerPort at the end of the call that made them possible.
class Core {
  public:
    Core(Settings settings, const Clock& clock, IdSource& ids, JobLog& log, CoreObserver& observer);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    /// Takes back the open jobs of the log, one by one, and says how many; call once, before
    /// anything else. Blocking; fails when the log cannot be read. A job whose version is not in
    /// the catalog (any more) waits: `resolve` is asked again when a version appears.
    using ResolveVersion = UniqueFunction<VersionPtr(const TenantId&, const std::string& name,
                                                     const std::string& version)>;
    Result<std::uint64_t> restore(std::uint64_t epoch, ResolveVersion resolve);
    /// Call whenever the catalog adds a version or replaces it by one with other limits; versions
    /// are told apart by their VersionId.
    void version_added(const VersionPtr& version);
    /// Shares jobs with the other nodes of the log from now on; call once, on the core's loop,
    /// after restore(). `claims` must outlive the core.
    void join(JobClaims& claims);

    // --- callers -------------------------------------------------------------------------------
    /// Accepts a job. A durable one answers after it is on disk; an interactive one at once, before
    /// any event reaches its watcher. quota_exceeded (with retry_after_s) when the queue is full,
    /// unavailable when draining, idempotency_clash when the key was used with another body.
    void submit(Submission submission, Done<Accepted> done);
    /// Makes an interactive job durable, with its attempt and fence, wherever it stands.
    void promote(JobId id, Done<JobView> done);
    /// The connection of an interactive job is gone: cancels it unless it was promoted.
    void hang_up(JobId id);
    void cancel(Scope scope, JobId id, Done<CancelOutcome> done);
    void retry(Scope scope, JobId id, Done<JobView> done);
    void remove_output(Scope scope, JobId id, Done<void> done);
    void get(Scope scope, JobId id, Done<JobView> done);
    void list(JobQuery query, Done<std::vector<JobView>> done);
    /// Sends the events after `after` that are still kept, then new ones. Of a job that has ended:
    /// its DoneEvent. unwatch() with the ticket ends it; done is called before the first event.
    void watch(Scope scope, JobId id, std::uint64_t after, std::shared_ptr<JobWatcher> watcher,
               Done<WatchTicket> done);
    void unwatch(WatchTicket ticket);
    /// The events that are still kept, oldest first; none of a job that only the log knows.
    [[nodiscard]] std::vector<std::shared_ptr<const JobEvent>> events(const Scope& scope,
                                                                      JobId id) const;
    /// A step of a session's input; quota_exceeded when the window is used up (see session_window).
    Result<void> session_input(JobId id, std::string values, bool last);
    /// Bytes of session input that may be sent now; `changed` runs once when it grows again.
    std::uint64_t session_window(JobId id, UniqueFunction<void()> changed);
    /// The caller has taken this many bytes of streamed output.
    void output_taken(JobId id, std::uint64_t bytes);

    // --- workers: the lease API, also for foreign worker dialects -------------------------------
    WorkerId attach(WorkerProfile profile, std::shared_ptr<WorkerPort> port);
    /// The link is back: leases that are still held go on, the others are returned as dropped.
    Result<std::vector<Fence>> reattach(WorkerId worker, std::shared_ptr<WorkerPort> port,
                                        std::span<const Fence> held);
    /// The link is gone but the process may live: its leases wait for reattach until they expire.
    void link_lost(WorkerId worker);
    /// The worker's process is gone: its jobs have lost an attempt.
    void detach(WorkerId worker, const std::string& reason);
    /// Room for `slots` more batches of any of these versions (indexes into the profile's).
    void credit(WorkerId worker, std::span<const std::uint32_t> versions, std::uint32_t slots);
    void worker_draining(WorkerId worker);
    /// Whether nobody stands behind the worker who could take its jobs. While that is so of all
    /// workers of a version, interactive jobs that wait for it end as `unavailable`, new ones are
    /// refused; durable ones wait. Holds also when the worker leaves, until another one comes.
    void worker_unserved(WorkerId worker, bool nobody);
    /// Any sign of life renews the leases of the worker.
    void heartbeat(WorkerId worker);
    // Each answers `conflict` when the fence is not that of the running lease: the worker forgets
    // it.
    Result<void> progress(WorkerId worker, JobId id, Fence fence, Progress progress);
    Result<void> output(WorkerId worker, JobId id, Fence fence, OutputEvent step);
    Result<void> log(WorkerId worker, JobId id, Fence fence, LogEvent line);
    Result<void> complete(WorkerId worker, JobId id, Fence fence, Completion completion);
    Result<void> fail(WorkerId worker, JobId id, Fence fence, JobError error, Usage usage);
    /// The worker's session input was consumed: `bytes` more may be sent to it.
    Result<void> input_taken(WorkerId worker, JobId id, Fence fence, std::uint64_t bytes);
    /// True while this lease is the job's running one; the hub asks before it stores output media.
    [[nodiscard]] bool holds(WorkerId worker, JobId id, Fence fence) const;
    /// Whether the worker is attached, with its link or without.
    [[nodiscard]] bool has_worker(WorkerId worker) const;

    // --- operators -----------------------------------------------------------------------------
    [[nodiscard]] std::vector<QueueView> queues(const TenantId& tenant, bool all_tenants) const;
    /// What every tenant has in every queue, by looking: for samples, not for each job.
    [[nodiscard]] std::vector<TenantLoad> load() const;
    Result<void> pause(const VersionPtr& version, bool paused);
    /// Accepts no new job for the version; what is queued still runs.
    Result<void> drain_queue(const VersionPtr& version, bool draining);
    /// Cancels everything that is queued; returns how many.
    Result<std::uint64_t> purge(const VersionPtr& version);
    [[nodiscard]] std::vector<WorkerView> workers() const;
    Result<void> drain_worker(WorkerId id, bool remove);

    // --- life ----------------------------------------------------------------------------------
    /// Accepts nothing more and leases nothing more; `idle` runs when no job is running and every
    /// write has been answered.
    void drain(UniqueFunction<void()> idle);
    [[nodiscard]] bool draining() const;
    [[nodiscard]] std::optional<SteadyTime> next_deadline() const;
    void tick();
    /// `moved` runs at the end of any call after which next_deadline() is earlier than it was when
    /// `moved` or tick() ran last: the owner sets its timer anew. Service does this.
    void on_deadline_moved(UniqueFunction<void()> moved);
    [[nodiscard]] CoreCounts counts() const;
    /// Bytes of inputs and results in memory; quick, unlike counts().
    [[nodiscard]] std::uint64_t held_bytes() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::jobs
