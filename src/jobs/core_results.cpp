// What workers say about their leases.
#include <algorithm>
#include <utility>

#include "jobs/core_impl.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {
namespace {

void add_usage(Usage& total, Usage part) {
    total.engine_us += part.engine_us;
    for (Meter& meter : part.meters) {
        const auto same = std::find_if(total.meters.begin(), total.meters.end(),
                                       [&](const Meter& each) { return each.name == meter.name; });
        if (same != total.meters.end())
            same->value += meter.value;
        else
            total.meters.push_back(std::move(meter));
    }
}

}  // namespace

AbandonedLease* Core::Impl::abandoned(const WorkerId& id, const JobId& job, const Fence& fence) {
    Worker* worker = find_worker(id);
    if (!worker) return nullptr;
    worker->last_seen = now_;
    for (const auto& each : worker->abandoned) {
        if (each->job == job && each->fence == fence) return each.get();
    }
    return nullptr;
}

/// The job whose running lease this is, with its sign of life noted. Null when the job has ended on
/// time and its engine is still stopping: the frame is of no use and no fault. Else the answer to a
/// late one.
Result<Job*> Core::Impl::hold(const WorkerId& worker, const JobId& id, const Fence& fence) {
    Job* job = holder(worker, id, fence);
    if (!job) {
        if (abandoned(worker, id, fence)) return nullptr;
        return headrace::fail(ErrorCode::conflict, "the lease is no longer valid");
    }
    job->detail->lease.last_sign = now_;
    job->detail->lease.worker->last_seen = now_;
    return job;
}

Result<void> Core::Impl::output(WorkerId worker, JobId id, Fence fence, OutputEvent step) {
    auto held = hold(worker, id, fence);
    if (!held) return headrace::fail(std::move(held.error()));
    if (!*held) return {};
    Job& job = **held;
    if (SessionFlow* session = job.detail->session.get()) {
        session->delivered = true;
        if (auto room = session->output(step.values.size()); !room) {
            abandon_lease(job, CancelReason::lost);
            end(job, JobState::failed, JobError{"engine_failed", room.error().message, "", false});
            return headrace::fail(std::move(room.error()));
        }
    }
    if (job.detail->lease.first_output == SteadyTime{}) job.detail->lease.first_output = now_;
    observer_.job_output(id, job.queue->version, step);
    emit(job, std::move(step));
    return {};
}

/// A worker ends a lease that we have given up: it has stopped, and that is all.
Result<void> Core::Impl::confirmed(const WorkerId& id, const JobId& job, const Fence& fence) {
    Worker* worker = find_worker(id);
    if (AbandonedLease* lease = abandoned(id, job, fence)) {
        timers_.disarm(*lease);
        std::erase_if(worker->abandoned, [lease](const auto& each) { return each.get() == lease; });
        worker_eased(*worker);
    }
    observer_.late_result(job, worker ? worker->profile.name : std::string());
    return headrace::fail(ErrorCode::conflict, "the lease is no longer valid");
}

Result<void> Core::Impl::complete(WorkerId worker, JobId id, Fence fence, Completion completion) {
    auto held = hold(worker, id, fence);
    if (!held || !*held) return confirmed(worker, id, fence);
    Job& job = **held;
    add_usage(job.detail->usage, std::move(completion.usage));
    if (job.detail->lease.cancelled) {  // it was asked to stop: after a 202 a job never succeeds
        detach_lease(job, "cancelled");
        end(job, JobState::cancelled,
            JobError{"cancelled", "the job was cancelled", "cancelled", false});
        return {};
    }
    detach_lease(job, "succeeded");
    end(job, JobState::succeeded, std::nullopt,
        std::make_shared<const Payload>(std::move(completion.output)), std::move(completion.files));
    return {};
}

Result<void> Core::Impl::fail_attempt(WorkerId worker, JobId id, Fence fence, JobError error,
                                      Usage usage) {
    auto held = hold(worker, id, fence);
    if (!held || !*held) return confirmed(worker, id, fence);
    Job& job = **held;
    add_usage(job.detail->usage, std::move(usage));
    if (error.code.empty()) error.code = "engine_failed";
    if (error.retryable || job.detail->lease.cancelled) {
        lose_attempt(job, "failed", std::move(error), false);
        return {};
    }
    detach_lease(job, "failed");
    end(job, JobState::failed, std::move(error));
    return {};
}

}  // namespace headrace::jobs
