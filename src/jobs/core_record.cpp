// What is stored and shown of jobs, queues and workers, made from what the core keeps of them.
#include <algorithm>

#include "catalog/version.hpp"
#include "jobs/core_tables.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {

JobState CoreTables::state_of(const Job& job) const {
    switch (job.phase) {
        case Phase::running:
            return JobState::running;
        case Phase::ended:
            return job.kept->record->state;
        case Phase::ending:
            if (planted(Fault::finish_before_write)) return job.detail->end->state;
            return job.shown_running ? JobState::running : JobState::queued;
        default:
            return JobState::queued;
    }
}

/// Assigns every field, so that a record used again keeps its memory and nothing of the job before.
void CoreTables::fill(JobRecord& record, const Job& job) const {
    static const JobLimits kNoLimits;
    static const Detail kNoDetail;
    const JobLimits& limits = job.limits ? *job.limits : kNoLimits;
    const Detail& detail = job.detail ? *job.detail : kNoDetail;
    record.id = job.id;
    record.tenant = job.tenant->id;
    record.caller = *job.caller;
    record.capability = job.queue->name;
    record.version = job.queue->semver;
    record.version_id = job.queue->version ? job.queue->version->id.value : 0;
    record.job_class = job.logged() ? JobClass::durable : JobClass::interactive;
    record.state = state_of(job);
    record.priority = job.priority;
    record.created_at = job.created_at;
    record.started_at = detail.started_at;
    record.finished_at = 0;
    record.timeout_ms = limits.timeout_ms;
    record.ttl_ms = limits.ttl_ms;
    record.deadline_at = limits.deadline_at;
    record.attempt = job.attempt;
    record.leased_alone = job.leased_alone;
    record.fence = detail.lease.fence;
    record.attempts = detail.attempts;
    record.retry_of = detail.retry_of;
    if (detail.traceparent.empty())
        job.trace.write(record.traceparent);
    else
        record.traceparent = detail.traceparent;
    record.session = job.session;
    if (job.idempotency)
        record.idempotency = *job.idempotency;
    else
        record.idempotency.reset();
    record.input = job.input;
    record.output.reset();
    record.output_removed = false;
    record.progress = detail.progress;
    record.error.reset();
    record.usage = detail.usage;
    record.share_stamp = job.share_stamp;
}

std::shared_ptr<JobRecord> CoreTables::record_of(const Job& job) const {
    if (job.phase == Phase::ended) return std::make_shared<JobRecord>(*job.kept->record);
    auto record = std::make_shared<JobRecord>();
    fill(*record, job);
    return record;
}

const JobRecord& CoreTables::note(const Job& job) {
    fill(note_, job);
    return note_;
}

JobView CoreTables::view_of(const Job& job) const {
    JobView view;
    if (job.phase == Phase::ended)
        view.record = job.kept->record;
    else
        view.record = record_of(job);
    if (job.queued() || job.phase == Phase::preparing) view.queue = job.queue->place_of(job);
    return view;
}

QueueView CoreTables::view_of(const Queue& queue) const {
    QueueView view;
    view.version = queue.version;
    view.queued = queue.queued;
    view.running = queue.running;
    view.workers = queue.workers;
    view.slots = queue.slots;
    for (const Pool* pool : queue.pools) {
        for (const Offer* offer = pool->first; offer; offer = offer->next)
            view.free_slots += offer->slots;
    }
    view.paused = queue.paused;
    view.draining = queue.draining;
    for (const Line* line : {&queue.together, &queue.alone}) {
        for (const auto& lane : line->lanes()) {
            const WallMs oldest = lane->oldest_created();
            if (oldest == 0) continue;
            if (view.oldest_queued_at == 0 || oldest < view.oldest_queued_at) {
                view.oldest_queued_at = oldest;
            }
        }
    }
    view.average_run_s = queue.times.run_s;
    return view;
}

WorkerView CoreTables::view_of(const Worker& worker) const {
    WorkerView view;
    view.id = worker.id;
    view.profile = worker.profile;
    view.running = worker.running;
    view.since = worker.since;
    if (!worker.linked)
        view.state = "lost";
    else if (worker.draining)
        view.state = "draining";
    else if (!worker.offered)
        view.state = "loading";
    else
        view.state = worker.running >= worker.profile.slots ? "busy" : "ready";
    return view;
}

UsageRecord CoreTables::usage_of(const JobRecord& record) const {
    UsageRecord usage;
    usage.job = record.id;
    usage.tenant = record.tenant;
    usage.caller = record.caller;
    usage.capability = record.capability;
    usage.version = record.version;
    usage.state = record.state;
    usage.attempts = record.attempt;
    const WallMs started = record.started_at != 0 ? record.started_at : record.finished_at;
    usage.queued_ms = std::max<std::int64_t>(0, started - record.created_at);
    for (const Attempt& attempt : record.attempts) {
        usage.run_ms += std::max<std::int64_t>(0, attempt.finished_at - attempt.started_at);
    }
    usage.usage = record.usage;
    usage.finished_at = record.finished_at;
    return usage;
}

}  // namespace headrace::jobs
