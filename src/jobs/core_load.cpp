// What is there right now, found by looking: nothing is counted for it while jobs pass.
#include <algorithm>
#include <unordered_map>

#include "jobs/core_impl.hpp"

namespace headrace::jobs {
namespace {

/// The loads of one queue. Tenants in a queue are few, so they are found by walking.
class Tally {
  public:
    Tally(const Queue& queue, std::vector<TenantLoad>& out)
        : queue_(queue), out_(out), first_(out.size()) {}

    TenantLoad& of(const TenantId& tenant) {
        for (std::size_t i = first_; i < out_.size(); ++i) {
            if (out_[i].tenant == tenant) return out_[i];
        }
        TenantLoad& load = out_.emplace_back();
        load.tenant = tenant;
        load.capability = queue_.name;
        load.version = queue_.semver;
        return load;
    }

    void add_queued(const TenantId& tenant, std::uint64_t count, WallMs oldest) {
        TenantLoad& load = of(tenant);
        load.queued += count;
        if (oldest == 0) return;
        if (load.oldest_queued_at == 0 || oldest < load.oldest_queued_at) {
            load.oldest_queued_at = oldest;
        }
    }

  private:
    const Queue& queue_;
    std::vector<TenantLoad>& out_;
    std::size_t first_;
};

void add_line(Tally& tally, const Line& line) {
    for (const auto& lane : line.lanes()) {
        if (lane->size() == 0) continue;
        tally.add_queued(lane->tenant.id, lane->size(), lane->oldest_created());
    }
}

using Leased = std::unordered_map<const Queue*, std::vector<const Job*>>;

/// Jobs with a slot, or about to get one, by queue.
Leased leased_jobs(const CoreState& core) {
    Leased leased;
    for (const auto& [id, worker] : core.workers_) {
        for (const Job* job = worker->leased.head(); job; job = job->next) {
            leased[job->queue].push_back(job);
        }
        for (const auto& batch : worker->preparing) {
            for (const Job* job : batch->jobs) leased[job->queue].push_back(job);
        }
    }
    return leased;
}

}  // namespace

std::vector<TenantLoad> Core::load() const {
    std::vector<TenantLoad> out;
    const Leased leased = leased_jobs(*impl_);
    for (const auto& queue : impl_->queues_) {
        Tally tally(*queue, out);
        add_line(tally, queue->together);
        add_line(tally, queue->alone);
        for (const Job* job = queue->pausing.head(); job; job = job->next) {
            tally.add_queued(job->tenant->id, 1, job->created_at);
        }
        const auto found = leased.find(queue.get());
        if (found == leased.end()) continue;
        for (const Job* job : found->second) {
            if (job->phase == Phase::running)
                ++tally.of(job->tenant->id).running;
            else
                tally.add_queued(job->tenant->id, 1, job->created_at);
        }
    }
    // Parked jobs have one tenant: the queue's own.
    for (const auto& parking : impl_->parking_) {
        const Job* oldest = parking->parked.head();
        if (!oldest) continue;
        Tally(*parking, out).add_queued(parking->owner, parking->queued, oldest->created_at);
    }
    return out;
}

std::vector<std::shared_ptr<const JobEvent>> Core::events(const Scope& scope, JobId id) const {
    std::vector<std::shared_ptr<const JobEvent>> out;
    const Job* job = impl_->visible(scope, id);
    if (!job || (!job->kept && !job->detail)) return out;
    const EventRing& ring = job->kept ? job->kept->events : job->detail->events;
    ring.for_each_after(0, [&out](const EventRing::EventPtr& event) { out.push_back(event); });
    return out;
}

}  // namespace headrace::jobs
