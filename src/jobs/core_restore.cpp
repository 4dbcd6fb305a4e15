// What the log held when the server started, and the tables of versions, tenants and callers.
#include <algorithm>

#include "catalog/version.hpp"
#include "jobs/core_impl.hpp"

namespace headrace::jobs {

void Core::Impl::version_added(const VersionPtr& version) {
    if (Queue* known = find_queue(version)) {
        if (known->version != version) known->set_version(version);
        for (Pool* pool : known->pools) pool->stir();
    }
    if (!resolve_) return;
    for (const auto& parking : parking_) {
        if (parking->parked.empty()) continue;
        if (const VersionPtr found = resolve_(parking->owner, parking->name, parking->semver)) {
            adopt(*parking, queue_for(found));
        }
    }
}

/// The version of parked jobs is there: they wait in its queue, oldest first as they were parked.
void Core::Impl::adopt(Queue& parking, Queue& queue) {
    while (Job* job = parking.parked.head()) {
        parking.parked.erase(*job);
        leave_queue(*job);
        job->queue = &queue;
        ++queue.queued;
        ++queue.capability->queued;
        enqueue(*job);
    }
}

Result<std::uint64_t> Core::Impl::restore(std::uint64_t epoch, ResolveVersion resolve) {
    fence_ = Fence{epoch, 0};
    resolve_ = std::move(resolve);
    std::uint64_t count = 0;
    const auto loaded = log_.load_open([this, &count](JobRecord record) {
        const bool was_running = record.state == JobState::running;
        resume(restore_job(record), was_running);
        ++count;
    });
    if (!loaded) return headrace::fail(loaded.error());
    return count;
}

Job& Core::Impl::restore_job(JobRecord& record) {
    const VersionPtr version =
        resolve_ ? resolve_(record.tenant, record.capability, record.version) : nullptr;
    auto owned = std::make_unique<Job>();
    Job& job = *owned;
    job.id = record.id;
    job.queue = version ? &queue_for(version)
                        : &parking_queue(record.tenant, record.capability, record.version);
    job.tenant = &tenant_of(record.tenant);
    job.caller = caller_of(record.caller);
    job.job_class = JobClass::durable;
    job.priority = std::min<std::uint8_t>(record.priority, 9);
    job.created_at = record.created_at;
    job.attempt = record.attempt;
    job.leased_alone = record.leased_alone;
    job.session = record.session;
    job.restored = true;
    // Stamps go on from the oldest job's: what matters is how the tenants of a queue stand to each
    // other.
    if (!job.queue->first_stamp) job.queue->first_stamp = record.share_stamp;
    job.share_stamp = record.share_stamp - *job.queue->first_stamp;
    if (record.timeout_ms > 0 || record.ttl_ms > 0 || record.deadline_at > 0) {
        job.limits = std::make_unique<JobLimits>();
        job.limits->timeout_ms = record.timeout_ms;
        job.limits->ttl_ms = record.ttl_ms;
        job.limits->deadline_at = record.deadline_at;
        if (record.deadline_at > 0)
            job.limits->deadline = now_ + milliseconds(record.deadline_at - wall_);
    }
    if (!job.trace.pack(record.traceparent) && !record.traceparent.empty()) {
        job.more().traceparent = std::move(record.traceparent);
    }
    if (record.retry_of) job.more().retry_of = record.retry_of;
    if (record.idempotency) {
        job.idempotency = std::make_unique<Idempotency>(std::move(*record.idempotency));
    }
    if (record.attempt > 0) {
        Detail& detail = job.more();
        detail.attempts = std::move(record.attempts);
        detail.started_at = record.started_at;
        detail.usage = std::move(record.usage);
        detail.lease.fence = record.fence;
    }
    job.input = std::move(record.input);
    jobs_.insert(*owned.release());
    return job;
}

/// A job that was running has lost its attempt with the server; the others wait as they did.
void Core::Impl::resume(Job& job, bool was_running) {
    ++job.queue->queued;
    ++job.queue->capability->queued;
    WallMs queued_at = job.created_at;
    if (job.detail && !job.detail->attempts.empty()) {
        Attempt& last = job.detail->attempts.back();
        if (last.finished_at == 0) {
            last.finished_at = wall_;
            last.outcome = "lost";
        }
        queued_at = last.finished_at;
    }
    job.order = ++last_order_;
    job.since = now_ - milliseconds(std::max<WallMs>(0, wall_ - queued_at));
    Lane& lane = job.queue->together.lane_of(*job.tenant);
    lane.stamp_end = std::max(lane.stamp_end, job.share_stamp + job.queue->estimated_cost());
    enqueue(job);
    drop_input_above_limit(job);
    JobError error{"engine_failed", "the server was restarted", "lost", true};
    if (job.session) {  // its connection is gone, and its input with it
        error.retryable = false;
        return end(job, JobState::failed, std::move(error));
    }
    if (!was_running) return;
    if (job.attempt >= settings_.max_attempts) return fail_dead(job, std::move(error));
    LogWrite change;
    change.kind = LogWrite::Kind::requeue;
    change.job = record_of(job);
    write(std::move(change), [](Result<void>) {});
}

}  // namespace headrace::jobs
