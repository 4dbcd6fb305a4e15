// Jobs meet slots: who goes next, alone or in a batch, and what must be done before the lease
// leaves.
#include <algorithm>

#include "jobs/core_impl.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {

/// Puts a job that is counted as queued where it waits for a slot.
void Core::Impl::enqueue(Job& job) {
    if (job.order == 0) job.order = ++last_order_;
    if (!job.queue->version) {
        job.phase = Phase::parked;
        job.queue->parked.push_back(job);
    } else {
        job.phase = Phase::waiting;
        job.queue->line_of(job).push(job);
    }
    rearm(job);
    if (claims_ && job.queue->workers == 0) balance_soon();
}

void Core::Impl::leave_queue(Job& job) {
    --job.queue->queued;
    --job.queue->capability->queued;
}

void Core::Impl::match(Pool& pool) {
    pool.stirred = false;
    for (const auto& contest : pool.contests) {
        if (!contest->emptying) continue;
        if (!contest->top() || !contest->line().queue().leasable()) stop_emptying(*contest);
    }
    while (pool.first && !draining_) {
        Contest* contest = next_contest(pool);
        if (!contest) return;
        if (contest->line().alone())
            lease_alone(*contest);
        else
            lease_together(*pool.first, *contest);
    }
}

/// The line whose next job goes first among those a slot of the pool may take now.
Contest* Core::Impl::next_contest(Pool& pool) {
    Contest* best = nullptr;
    for (const auto& contest : pool.contests) {
        if (!contest->top() || !contest->line().queue().leasable()) continue;
        if (contest->line().alone() ? contest->emptying != nullptr : !ready(contest->line()))
            continue;
        const Entry* top = top_of(*contest);
        if (top && (!best || Contest::before(*top, *best->top()))) best = contest.get();
    }
    return best;
}

/// The place whose job goes next, or null. While the log is behind, those whose next job is durable
/// stand aside, so that they hold up no other tenant; end_answered() takes them back.
Entry* Core::Impl::top_of(Contest& contest) {
    for (;;) {
        Entry* top = contest.top();
        if (!top || !top->lane->head()->durable() || !log_is_behind()) return top;
        contest.hold(*top);
    }
}

/// A batch goes when it is full, or when one of its jobs has waited max_wait.
bool Core::Impl::ready(Line& line) {
    const Queue& queue = line.queue();
    if (queue.max_batch <= 1 || queue.max_wait.count() == 0 || line.size() >= queue.max_batch) {
        return true;
    }
    const SteadyTime due = line.oldest_since() + queue.max_wait;
    if (due <= now_) return true;
    timers_.arm(line, due);
    return false;
}

/// Takes the top job out of its line and charges its tenant.
Job* Core::Impl::pick(Contest& contest) {
    Entry& entry = *contest.top();
    Job& job = *entry.lane->head();
    Pool& pool = contest.pool();
    Share& share = *entry.share;
    Queue& queue = contest.line().queue();
    pool.served = std::max(pool.served, share.used);
    queue.stamp_served = std::max(queue.stamp_served, job.share_stamp);
    Lease& lease = job.more().lease;
    lease = Lease{};
    lease.share = &share;
    lease.charged = queue.estimated_cost();
    contest.line().erase(job);
    pool.charge(share, lease.charged);
    picked_.push_back(&job);
    return &job;
}

void Core::Impl::lease_together(Offer& offer, Contest& contest) {
    Queue& queue = contest.line().queue();
    const std::uint32_t most = queue.max_batch + (planted(Fault::batch_overflow) ? 1 : 0);
    while (picked_.size() < most && top_of(contest)) {
        // Sessions hold their slot for long and are never batched.
        if (contest.top()->lane->head()->session && !picked_.empty()) break;
        if (pick(contest)->session) break;
    }
    begin_lease(offer, queue, false);
}

/// The job on top shared a crash: it gets a process of its own. When none is idle, one worker is
/// given nothing more until it is.
void Core::Impl::lease_alone(Contest& contest) {
    Pool& pool = contest.pool();
    for (Offer* offer = pool.first; offer; offer = offer->next) {
        if (!offer->worker->idle()) continue;
        pick(contest);
        return begin_lease(*offer, contest.line().queue(), true);
    }
    Worker& worker = *pool.first->worker;
    worker.emptying_for = &contest;
    contest.emptying = &worker;
    relist(worker);
}

/// The worker that was emptied for a job has become idle.
void Core::Impl::serve_emptied(Worker& worker) {
    Contest& contest = *worker.emptying_for;
    worker.emptying_for = nullptr;
    contest.emptying = nullptr;
    const auto offer = std::find_if(
        worker.offers.begin(), worker.offers.end(),
        [&contest](const auto& each) { return each->pool == &contest.pool() && each->slots > 0; });
    const bool usable =
        offer != worker.offers.end() && worker.linked && !worker.draining && !draining_;
    if (!usable || !contest.top() || !contest.line().queue().leasable()) return relist(worker);
    pick(contest);
    begin_lease(**offer, contest.line().queue(), true);
}

bool Core::Impl::needs_preparation(const Job& job) const {
    return !job.input || (job.durable() && job.attempt > 0 && !planted(Fault::attempt_not_awaited));
}

/// Gives the picked jobs to the offer's worker: at once, or when they are prepared.
void Core::Impl::begin_lease(Offer& offer, Queue& queue, bool alone) {
    Worker& worker = *offer.worker;
    --offer.slots;
    bool prepare_first = false;
    for (Job* job : picked_) {
        Lease& lease = job->detail->lease;
        lease.worker = &worker;
        lease.fence = fence_ = Fence{fence_.epoch, fence_.counter + 1};
        job->phase = Phase::preparing;
        prepare_first = prepare_first || needs_preparation(*job);
    }
    if (alone) worker.exclusive = true;
    preparing_ += picked_.size();
    if (!prepare_first) {
        depart(worker, queue, picked_);
        picked_.clear();
    } else {
        auto batch = std::make_unique<Batch>();
        batch->worker = &worker;
        batch->offer = &offer;
        batch->queue = &queue;
        batch->jobs = std::exchange(picked_, {});
        for (Job* job : batch->jobs) {
            job->detail->lease.batch = batch.get();
            prepare(*job);
        }
        worker.preparing.push_back(std::move(batch));
    }
    if (worker.available() && offer.slots > 0)
        offer.pool->rotate(offer);
    else
        relist(worker);
}

void Core::Impl::prepare(Job& job) {
    rearm(job);
    if (!needs_preparation(job)) return;
    job.detail->lease.awaited = true;
    ++job.detail->lease.batch->waits;
    if (!job.input)
        load_input(job);
    else
        write_attempt(job);
}

void Core::Impl::load_input(Job& job) {
    auto loaded = [this, id = job.id,
                   fence = job.detail->lease.fence](Result<std::shared_ptr<const Payload>> input) {
        Job* live = jobs_.find(id);
        if (!live || live->phase != Phase::preparing || live->detail->lease.fence != fence) return;
        if (input && *input) {
            live->input = std::move(*input);
            if (needs_preparation(*live)) return write_attempt(*live);
            return prepared(*live);
        }
        const bool gone = input ? true : input.error().code == ErrorCode::not_found;
        if (!gone) return set_back(*live);
        end(*live, JobState::failed,
            JobError{"internal", "the stored input of the job is missing", "", false});
    };
    log_.load_input(job.tenant->id, job.id, later(std::move(loaded)));
}

/// From the second attempt on the record is on disk before the lease leaves: after a crash nobody
/// can take an older attempt for the current one.
void Core::Impl::write_attempt(Job& job) {
    auto record = record_of(job);
    record->state = JobState::running;
    record->attempt = job.attempt + 1;
    record->attempts.push_back({record->attempt, job.detail->lease.worker->profile.name,
                                record->fence, wall_, 0, "running"});
    LogWrite change;
    change.kind = LogWrite::Kind::attempt;
    change.job = std::move(record);
    write(std::move(change),
          [this, id = job.id, fence = job.detail->lease.fence](Result<void> done) {
              Job* live = jobs_.find(id);
              if (!live || live->phase != Phase::preparing || live->detail->lease.fence != fence)
                  return;
              if (done)
                  prepared(*live);
              else if (claims_ && done.error().code == ErrorCode::conflict)
                  lose_to_node(*live);
              else
                  set_back(*live);
          });
}

void Core::Impl::prepared(Job& job) {
    Lease& lease = job.detail->lease;
    lease.awaited = false;
    --lease.batch->waits;
    settle_batch(*lease.batch);
}

/// What had to be done before the lease failed: the job waits and tries again. No attempt is
/// counted.
void Core::Impl::set_back(Job& job) {
    drop_from_batch(job);
    Detail& detail = job.more();
    detail.paused_until = now_ + backoff_.pause(++detail.setbacks);
    job.phase = Phase::pausing;
    job.queue->pausing.push_back(job);
    rearm(job);
}

/// Takes a preparing job out of its batch and gives its charge back; the caller says where it goes.
void Core::Impl::drop_from_batch(Job& job) {
    Lease& lease = job.detail->lease;
    Batch& batch = *lease.batch;
    std::erase(batch.jobs, &job);
    if (lease.awaited) --batch.waits;
    lease.share->pool->charge(*lease.share, -lease.charged);
    lease.batch = nullptr;
    lease.worker = nullptr;
    lease.awaited = false;
    --preparing_;
    settle_batch(batch);
}

void Core::Impl::settle_batch(Batch& batch) {
    if (batch.waits > 0) return;
    Worker& worker = *batch.worker;
    const auto at = std::find_if(worker.preparing.begin(), worker.preparing.end(),
                                 [&batch](const auto& each) { return each.get() == &batch; });
    const std::unique_ptr<Batch> owned = std::move(*at);
    worker.preparing.erase(at);
    if (!owned->jobs.empty()) return depart(worker, *owned->queue, owned->jobs);
    ++owned->offer->slots;
    worker_eased(worker);
}

void Core::Impl::unpick(Job& job) {
    drop_from_batch(job);
    enqueue(job);
}

void Core::Impl::depart(Worker& worker, Queue& queue, const std::vector<Job*>& jobs) {
    GrantBatch batch;
    batch.version = queue.version;
    batch.grants.resize(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        leave(*jobs[i], worker, static_cast<std::uint32_t>(jobs.size()), batch.grants[i]);
    }
    worker.outgoing.push_back(std::move(batch));
    if (worker.departing) return;
    worker.departing = true;
    departing_.push_back(&worker);
}

void Core::Impl::leave(Job& job, Worker& worker, std::uint32_t batch_size, Grant& grant) {
    Detail& detail = job.more();
    Lease& lease = detail.lease;
    --preparing_;
    leave_queue(job);
    ++job.queue->running;
    ++running_;
    const bool recorded = job.durable() && job.attempt > 0;
    job.phase = Phase::running;
    ++job.attempt;
    detail.setbacks = 0;
    if (detail.started_at == 0) detail.started_at = wall_;
    lease.batch = nullptr;
    lease.batch_size = batch_size;
    lease.since = lease.last_sign = now_;
    milliseconds timeout = job.queue->run_timeout;
    if (job.limits && job.limits->timeout_ms > 0) timeout = milliseconds(job.limits->timeout_ms);
    if (timeout.count() > 0) lease.timeout_at = now_ + timeout;
    detail.attempts.push_back({job.attempt, worker.profile.name, lease.fence, wall_, 0, "running"});
    worker.leased.push_back(job);
    ++worker.running;
    rearm(job);
    emit(job, StateEvent{JobState::running, job.attempt});
    const JobRecord& record = note(job);
    observer_.job_started(record, worker.profile.name, now_ - job.since);
    if (job.logged() && !recorded) {
        LogWrite change;
        change.kind = LogWrite::Kind::attempt;
        change.job = std::make_shared<JobRecord>(record);
        write(std::move(change), [](Result<void>) {});  // lazy: the next write says it all again
    }
    if (detail.usage.bytes_in == 0) {
        detail.usage.bytes_in = job.input->values.size();
        for (const BlobRef& blob : job.input->media) detail.usage.bytes_in += blob.size;
    }
    grant.job = job.id;
    grant.fence = lease.fence;
    grant.attempt = job.attempt;
    grant.tenant = job.tenant->id;
    grant.caller = *job.caller;
    grant.input = job.input;
    grant.timeout_ms = timeout.count();
    grant.traceparent = record.traceparent;
    grant.session = job.session;
    grant.durable = job.logged();
    const auto wants = [](const auto& watching) { return watching->watcher->wants_outputs(); };
    grant.wants_stream =
        job.session || std::any_of(detail.watchers.begin(), detail.watchers.end(), wants);
    if (detail.session) send_buffered_input(job);
}

}  // namespace headrace::jobs
