// What operators see and do: queues, workers, pause, drain, purge.
#include <algorithm>

#include "jobs/core_impl.hpp"

namespace headrace::jobs {
namespace {

constexpr std::uint32_t kPurgeSlice = 250;  // jobs in one turn, so that others are not held up

Error no_such_queue() {
    return {ErrorCode::not_found, "no such queue", {}, 0};
}
Error no_such_worker() {
    return {ErrorCode::not_found, "no such worker", {}, 0};
}

}  // namespace

std::vector<QueueView> Core::queues(const TenantId& tenant, bool all_tenants) const {
    std::vector<QueueView> views;
    for (const auto& queue : impl_->queues_) {
        const bool shared = queue->owner == tenant || queue->owner.name == "system";
        if (queue->version && (all_tenants || shared)) views.push_back(impl_->view_of(*queue));
    }
    return views;
}

Result<void> Core::pause(const VersionPtr& version, bool paused) {
    const Impl::Turn turn(*impl_);
    Queue* queue = impl_->find_queue(version);
    if (!queue) return headrace::fail(no_such_queue());
    queue->paused = paused;
    for (Pool* pool : queue->pools) pool->stir();
    return {};
}

Result<void> Core::drain_queue(const VersionPtr& version, bool draining) {
    Queue* queue = impl_->find_queue(version);
    if (!queue) return headrace::fail(no_such_queue());
    queue->draining = draining;
    return {};
}

Result<std::uint64_t> Core::purge(const VersionPtr& version) {
    const Impl::Turn turn(*impl_);
    Queue* queue = impl_->find_queue(version);
    if (!queue) return headrace::fail(no_such_queue());
    return impl_->purge(*queue);
}

/// Cancels what is queued now, slice by slice and no faster than the log writes it, but before a
/// stop; until that is done the queue gives nothing to workers.
std::uint64_t Core::Impl::purge(Queue& queue) {
    const std::uint64_t count = queue.queued;
    queue.purging = true;
    queue.purge_before = last_order_ + 1;
    purge_some(queue);
    return count;
}

void Core::Impl::purge_some(Queue& queue) {
    if (!draining_ && log_is_behind()) return;  // end_answered() comes back to it
    std::uint32_t left = kPurgeSlice;
    const auto cancel = [this, &left](Job& job) {
        --left;
        end(job, JobState::cancelled,
            JobError{"cancelled", "the queue was purged", "purged", false});
    };
    for (Job* job = queue.pausing.head(); left > 0 && job;) {
        Job* const next = job->next;
        if (job->order < queue.purge_before) cancel(*job);
        job = next;
    }
    while (left > 0 && !queue.parked.empty()) cancel(*queue.parked.head());
    for (Line* line : {&queue.together, &queue.alone}) {
        for (const auto& lane : line->lanes()) {
            while (left > 0) {
                Job* job = lane->oldest_before(queue.purge_before);
                if (!job) break;
                cancel(*job);
            }
        }
    }
    queue.purging = left == 0;
    if (queue.purging) timers_.arm(queue.purge_timer, now_);
    for (Pool* pool : queue.pools) pool->stir();
}

std::vector<WorkerView> Core::workers() const {
    std::vector<WorkerView> views;
    views.reserve(impl_->workers_.size());
    for (const auto& [id, worker] : impl_->workers_) views.push_back(impl_->view_of(*worker));
    std::sort(views.begin(), views.end(),
              [](const WorkerView& a, const WorkerView& b) { return a.id < b.id; });
    return views;
}

Result<void> Core::drain_worker(WorkerId id, bool remove) {
    const Impl::Turn turn(*impl_);
    Worker* worker = impl_->find_worker(id);
    if (!worker) return headrace::fail(no_such_worker());
    worker->draining = true;
    impl_->relist(*worker);
    if (worker->emptying_for) impl_->stop_emptying(*worker->emptying_for);
    if (worker->port) {
        impl_->outbox_.call([port = worker->port, remove] { port->drain(remove); });
    }
    return {};
}

void Core::drain(UniqueFunction<void()> idle) {
    const Impl::Turn turn(*impl_);
    impl_->drain(std::move(idle));
}

bool Core::draining() const {
    return impl_->draining_;
}

/// Interactive callers that wait for a slot are told at once: none will come.
void Core::Impl::drain(UniqueFunction<void()> idle) {
    draining_ = true;
    idle_ = std::move(idle);
    for (const auto& queue : queues_) {
        if (queue->purging) timers_.arm(queue->purge_timer, now_);
    }
    std::vector<Job*> waiting;
    jobs_.for_each([&waiting](Job& job) {
        if (!job.logged() && job.queued()) waiting.push_back(&job);
    });
    for (Job* job : waiting) {
        end(*job, JobState::failed,
            JobError{"unavailable", "the server is shutting down", "", true});
    }
}

bool Core::Impl::is_idle() const {
    return running_ == 0 && preparing_ == 0 && writes_ == 0 &&
           std::none_of(queues_.begin(), queues_.end(),
                        [](const auto& queue) { return queue->purging; });
}

CoreCounts Core::counts() const {
    CoreCounts counts;
    counts.jobs = impl_->jobs_.size();
    for (const Job* job = impl_->ended_.head(); job; job = job->next) ++counts.ended;
    counts.running = impl_->running_;
    counts.preparing = impl_->preparing_;
    counts.timers = impl_->timers_.size();
    counts.writes = impl_->writes_;
    counts.flights = impl_->flights_.size();
    counts.workers = impl_->workers_.size();
    counts.resident_input_bytes = impl_->resident_bytes_;
    counts.interactive_input_bytes = impl_->interactive_bytes_;
    return counts;
}

std::uint64_t Core::held_bytes() const {
    return impl_->resident_bytes_ + impl_->interactive_bytes_ + impl_->ended_bytes_;
}

}  // namespace headrace::jobs
