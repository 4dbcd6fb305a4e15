// What happens when nothing else does.
#include <algorithm>

#include "base/log.hpp"
#include "jobs/core_impl.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {
namespace {
// A host that ends its engine within the grace by itself should not be killed on top of it.
constexpr milliseconds kConfirmSlack{500};
// Of a lease: how often we look whether we run, and the least that counts as a standstill.
constexpr int kPulses = 8;
constexpr int kStandstills = 4;
}  // namespace

void Core::Impl::tick() {
    if (stood_still()) forgive_silence();
    while (Timer* timer = timers_.pop_due(now_)) fire(*timer);
    told_deadline_ = timers_.next().value_or(SteadyTime::max());
}

void Core::Impl::fire(Timer& timer) {
    switch (timer.kind) {
        case TimerKind::job:
            return job_due(static_cast<Job&>(timer));
        case TimerKind::worker:
            return worker_due(static_cast<Worker&>(timer));
        case TimerKind::line:
            for (Pool* pool : static_cast<Line&>(timer).queue().pools) pool->stir();
            return;
        case TimerKind::abandoned:
            return lose_worker(static_cast<AbandonedLease&>(timer).worker,
                               "a job that had timed out did not stop", true);
        case TimerKind::purge:
            for (const auto& queue : queues_) {
                if (&queue->purge_timer == &timer) purge_some(*queue);
            }
            return;
        case TimerKind::ended:
            return trim_ended();
        case TimerKind::usage:
            return retry_usage();
        case TimerKind::claims:
            return balance();
        case TimerKind::pulse:
            return pulse();
    }
}

/// Arms the job's one timer for the first thing that can become due where it stands.
void Core::Impl::rearm(Job& job) {
    SteadyTime due = SteadyTime::max();
    if (job.limits) due = job.limits->deadline;
    const bool in_queue =
        job.queued() || job.phase == Phase::preparing || job.phase == Phase::elsewhere;
    if (in_queue && job.limits && job.limits->ttl_ms > 0 && !planted(Fault::ttl_not_armed)) {
        due = std::min(due, job.since + milliseconds(job.limits->ttl_ms));
    }
    if (job.phase == Phase::pausing) due = std::min(due, job.detail->paused_until);
    if (job.phase == Phase::running) {
        const Lease& lease = job.detail->lease;
        due = std::min({due, lease.timeout_at, lease.stop_by});
        if (!lease.cancelled && job.queue->stall_timeout.count() > 0) {
            due = std::min(due, lease.last_sign + job.queue->stall_timeout);
        }
    }
    timers_.arm(job, due);
}

void Core::Impl::job_due(Job& job) {
    if (job.phase == Phase::ending) return write_end(job);  // the write failed; once more
    if (job.phase == Phase::running) return running_due(job);
    if (job.phase == Phase::elsewhere) return elsewhere_due(job);
    if (job.limits && job.limits->deadline <= now_) {
        return end(
            job, JobState::expired,
            JobError{"deadline_exceeded", "the job's deadline has passed", "deadline", false});
    }
    if (job.limits && job.limits->ttl_ms > 0 &&
        job.since + milliseconds(job.limits->ttl_ms) <= now_) {
        return end(
            job, JobState::expired,
            JobError{"deadline_exceeded", "the job waited longer than its ttl", "ttl", false});
    }
    if (job.phase == Phase::pausing && job.detail->paused_until <= now_) {
        if (job.queue->unserved && !job.logged()) return end_unserved(job);
        job.queue->pausing.erase(job);
        return enqueue(job);
    }
    rearm(job);
}

void Core::Impl::running_due(Job& job) {
    const Lease& lease = job.detail->lease;
    const bool too_late = job.limits && job.limits->deadline <= now_;
    const bool too_long = lease.timeout_at <= now_;
    const auto stall = job.queue->stall_timeout;
    if (lease.stop_by <= now_)
        return lose_worker(*lease.worker, "a cancelled job did not stop", true);
    if (lease.cancelled && (too_late || too_long)) {
        abandon_lease(job, CancelReason::cancelled);
        return end(job, JobState::cancelled,
                   JobError{"cancelled", "the job was cancelled", "cancelled", false});
    }
    if (too_late) {
        abandon_lease(job, CancelReason::deadline);
        return end(
            job, JobState::expired,
            JobError{"deadline_exceeded", "the job's deadline has passed", "deadline", false});
    }
    if (too_long) {
        abandon_lease(job, CancelReason::timeout);
        return end(
            job, JobState::failed,
            JobError{"deadline_exceeded", "the job ran longer than its timeout", "timeout", false});
    }
    if (!lease.cancelled && stall.count() > 0 && lease.last_sign + stall <= now_) {
        return lose_worker(*lease.worker, "a job showed no sign of life", true);
    }
    rearm(job);
}

void Core::Impl::worker_due(Worker& worker) {
    const SteadyTime due = worker.last_seen + settings_.lease;
    if (due > now_) return timers_.arm(worker, due);
    lose_worker(worker, "the worker was silent longer than its lease", true);
}

void Core::Impl::pulse() {
    pulsed_at_ = now_;
    timers_.arm(pulse_timer_, now_ + settings_.lease / kPulses);
}

bool Core::Impl::stood_still() const {
    return pulse_timer_.position != Timer::kIdle &&
           now_ - pulsed_at_ > settings_.lease / kStandstills && !planted(Fault::standstill_blamed);
}

/// The machine slept, or this process was stopped. What was said meanwhile lies unread, and who
/// would have said it may have slept too: that time counts for nobody.
void Core::Impl::forgive_silence() {
    const auto slept = now_ - pulsed_at_;
    log::warn("the server stood still, which is no silence of its workers ms={}",
              std::chrono::duration_cast<milliseconds>(slept).count());
    const auto later = [&](SteadyTime& time) { time = std::min(now_, time + slept); };
    for (const auto& [id, worker] : workers_) {
        later(worker->last_seen);
        for (const auto& each : worker->abandoned) {
            each->stop_by += slept;
            timers_.arm(*each, each->stop_by);
        }
        for (Job* job = worker->leased.head(); job; job = job->next) {
            Lease& lease = job->detail->lease;
            later(lease.last_sign);
            if (lease.cancelled) lease.stop_by += slept;
            rearm(*job);
        }
    }
    pulse();
}

/// Tells the engine to stop; the worker has a grace before its process is ended.
void Core::Impl::send_cancel(Job& job, CancelReason reason) {
    Lease& lease = job.detail->lease;
    lease.cancelled = true;
    lease.stop_by =
        now_ + std::max(settings_.cancel_grace, job.queue->cancel_grace) + kConfirmSlack;
    rearm(job);
    observer_.cancel_sent(note(job));
    if (!lease.worker->port) return;  // said again when the link is back
    outbox_.call([port = lease.worker->port, id = job.id, fence = lease.fence, reason] {
        port->cancel(id, fence, reason);
    });
}

/// The job ends on time, its engine may not: the lease lives on without it until the worker
/// confirms.
void Core::Impl::abandon_lease(Job& job, CancelReason reason) {
    const Lease& lease = job.detail->lease;
    Worker& worker = *lease.worker;
    if (!lease.cancelled) send_cancel(job, reason);
    auto abandoned = std::make_unique<AbandonedLease>(worker, job.id, lease.fence, lease.stop_by);
    timers_.arm(*abandoned, lease.stop_by);
    worker.abandoned.push_back(std::move(abandoned));
    switch (reason) {
        case CancelReason::timeout:
            return detach_lease(job, "timeout");
        case CancelReason::deadline:
            return detach_lease(job, "expired");
        case CancelReason::cancelled:
            return detach_lease(job, "cancelled");
        case CancelReason::lost:
            return detach_lease(job, "failed");
    }
}

}  // namespace headrace::jobs
