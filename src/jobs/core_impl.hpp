#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/core_tables.hpp"

namespace headrace::jobs {

/// The core's steps, by file. Nothing here is called from outside a Turn.
class Core::Impl : public CoreTables {
  public:
    Impl(Settings settings, const Clock& clock, IdSource& ids, JobLog& log, CoreObserver& observer)
        : CoreTables(settings, clock, ids, log, observer) {}
    ~Impl();

    /// One call from the outside. The outermost turn takes the time, and at its end matches jobs
    /// with slots, sends the leases, then makes the calls that became due.
    class Turn {
      public:
        explicit Turn(Impl& core) : core_(core) { core_.begin_turn(); }
        ~Turn() { core_.end_turn(); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

      private:
        Impl& core_;
    };
    void begin_turn();
    void end_turn();
    void settle();

    static constexpr int kRetryWhenUnavailable = 2;  // seconds
    static constexpr std::string_view kNobodyServes = "no worker: nobody is left who could run it";

    // core_accept.cpp
    void submit(Submission submission, Done<Accepted> done);
    void find_twin(Submission submission);
    Result<Accepted> twin_answer(const Idempotency& wanted,
                                 Result<std::optional<JobRecord>> record);
    void accept(Submission submission, Done<Accepted> done);
    Job& create(Submission& submission, Queue& queue);
    void accepted(Job& job, std::shared_ptr<const JobRecord> written, Done<Accepted>& done);
    static Error unavailable(std::string message);
    void refuse(const std::string& capability, Error error, Done<Accepted>& done);
    void promote(JobId id, Done<JobView> done);
    void promoted(Job& job, Result<void> written);
    // core_dispatch.cpp
    void enqueue(Job& job);
    void leave_queue(Job& job);
    void match(Pool& pool);
    Contest* next_contest(Pool& pool);
    Entry* top_of(Contest& contest);
    bool ready(Line& line);
    void lease_together(Offer& offer, Contest& contest);
    void lease_alone(Contest& contest);
    void serve_emptied(Worker& worker);
    Job* pick(Contest& contest);
    void begin_lease(Offer& offer, Queue& queue, bool alone);
    bool needs_preparation(const Job& job) const;
    void prepare(Job& job);
    void load_input(Job& job);
    void write_attempt(Job& job);
    void prepared(Job& job);
    void set_back(Job& job);
    void drop_from_batch(Job& job);
    void settle_batch(Batch& batch);
    void depart(Worker& worker, Queue& queue, const std::vector<Job*>& jobs);
    void leave(Job& job, Worker& worker, std::uint32_t batch_size, Grant& grant);
    void unpick(Job& job);
    // core_end.cpp
    void end(Job& job, JobState state, std::optional<JobError> error,
             std::shared_ptr<const Payload> output = nullptr, std::vector<FileRecord> files = {});
    void take_out(Job& job);
    void write_end(Job& job);
    void write_finish(Job& job);
    bool log_is_behind();
    void end_answered();
    void put_files(Job& job);
    void finalize(Job& job);
    void answer_waiting(const Job& job, Detail& detail);
    void keep(Job& job);
    void meter(const std::shared_ptr<const JobRecord>& record);
    void retry_usage();
    void detach_lease(Job& job, const char* outcome);
    void lose_attempt(Job& job, const char* outcome, JobError error, bool crashed);
    void requeue(Job& job, const std::string& reason, bool crashed);
    void fail_dead(Job& job, JobError error);
    void drop_input_above_limit(Job& job);
    void hold_input(Job& job);
    void release_input(Job& job);
    void forget(Job& job);
    void trim_ended();
    // core_results.cpp
    AbandonedLease* abandoned(const WorkerId& id, const JobId& job, const Fence& fence);
    Result<Job*> hold(const WorkerId& worker, const JobId& id, const Fence& fence);
    Result<void> output(WorkerId worker, JobId id, Fence fence, OutputEvent step);
    Result<void> complete(WorkerId worker, JobId id, Fence fence, Completion completion);
    Result<void> fail_attempt(WorkerId worker, JobId id, Fence fence, JobError error, Usage usage);
    Result<void> confirmed(const WorkerId& worker, const JobId& id, const Fence& fence);
    // core_workers.cpp
    WorkerId attach(WorkerProfile profile, std::shared_ptr<WorkerPort> port);
    Result<std::vector<Fence>> reattach(WorkerId id, std::shared_ptr<WorkerPort> port,
                                        std::span<const Fence> held);
    void link_lost(WorkerId id);
    void lose_worker(Worker& worker, const std::string& reason, bool kill);
    void credit(WorkerId id, std::span<const std::uint32_t> versions, std::uint32_t slots);
    Offer* offer_of(Worker& worker, std::span<const std::uint32_t> versions);
    Pool& pool_of(std::vector<Queue*> queues);
    void undo_preparations(Worker& worker);
    void relist(Worker& worker);
    void unserved(Worker& worker, bool nobody);
    void tell_unserved(Queue& queue);
    void end_unserved(Job& job);
    void worker_eased(Worker& worker);
    void stop_emptying(Contest& contest);
    void send_cancel(Job& job, CancelReason reason);
    void abandon_lease(Job& job, CancelReason reason);
    // core_callers.cpp
    void cancel(const Scope& scope, JobId id, Done<CancelOutcome> done);
    void cancel_abroad(JobRecord record, Done<CancelOutcome> done);
    void cancel_live(Job& job, Done<CancelOutcome> done);
    void hang_up(JobId id);
    void retry(const Scope& scope, JobId id, Done<JobView> done);
    void retry_record(JobRecord record, Done<JobView> done);
    void accept_retry(const JobRecord& record, std::shared_ptr<const Payload> input,
                      Done<JobView> done);
    void remove_output(const Scope& scope, JobId id, Done<void> done);
    void remove_output_of(JobRecord record, Done<void> done);
    void get(const Scope& scope, JobId id, Done<JobView> done);
    void get_record(const Scope& scope, JobId id, Done<JobRecord> done);
    void list(JobQuery query, Done<std::vector<JobView>> done);
    // core_watch.cpp
    void emit(Job& job, EventRing::What what);
    void watch(const Scope& scope, JobId id, std::uint64_t after,
               std::shared_ptr<JobWatcher> watcher, Done<WatchTicket> done);
    void unwatch(WatchTicket ticket);
    Result<void> session_input(JobId id, std::string values, bool last);
    std::uint64_t session_window(JobId id, UniqueFunction<void()> changed);
    void output_taken(JobId id, std::uint64_t bytes);
    void catch_up(Job& job);
    void send_buffered_input(Job& job);
    void input_consumed(Job& job, std::uint64_t bytes);
    // core_operators.cpp
    std::uint64_t purge(Queue& queue);
    void purge_some(Queue& queue);
    void drain(UniqueFunction<void()> idle);
    bool is_idle() const;
    // core_restore.cpp
    Result<std::uint64_t> restore(std::uint64_t epoch, ResolveVersion resolve);
    Job& restore_job(JobRecord& record);
    void resume(Job& job, bool was_running);
    void adopt(Queue& parking, Queue& queue);
    void version_added(const VersionPtr& version);
    // core_nodes.cpp
    class News;
    void join(JobClaims& claims);
    void balance_soon();
    void balance();
    void release_excess(Queue& queue, std::uint64_t& moves);
    void release(Job& job);
    void go_elsewhere(Job& job);
    void leave_elsewhere(Job& job);
    void come_home(Job& job);
    void claim_more();
    void take_in(JobRecord& record);
    void look(Job& job);
    void conclude(Job& job, JobRecord record);
    void ask_back(Job& job, bool cancel);
    void elsewhere_due(Job& job);
    void lose_to_node(Job& job);
    // core_timers.cpp
    void tick();
    void rearm(Job& job);
    void fire(Timer& timer);
    void job_due(Job& job);
    void running_due(Job& job);
    void worker_due(Worker& worker);
    void pulse();
    [[nodiscard]] bool stood_still() const;
    void forgive_silence();

    /// Wraps what the log will answer: dropped when the core is gone, else run as a turn of its
    /// own.
    template <class F>
    auto later(F next) {
        return [this, alive = std::weak_ptr<char>(alive_),
                next = std::move(next)](auto result) mutable {
            if (alive.expired()) return;
            const Turn turn(*this);
            next(std::move(result));
        };
    }
    /// Issues one write; `next` gets Result<void>.
    template <class F>
    void write(LogWrite change, F next) {
        ++writes_;
        log_.write(std::move(change),
                   later([this, next = std::move(next)](Result<void> done) mutable {
                       --writes_;
                       next(std::move(done));
                   }));
    }
};

}  // namespace headrace::jobs
