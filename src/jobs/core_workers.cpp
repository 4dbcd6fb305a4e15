// Workers come, offer slots, fall silent and go.
#include <algorithm>
#include <utility>

#include "catalog/version.hpp"
#include "jobs/core_impl.hpp"

namespace headrace::jobs {
namespace {
constexpr std::uint32_t kMaxOfferedSlots = 4096;  // of one worker and set of versions
constexpr std::size_t kIdlePools = 64;            // kept, with what their tenants have used
}  // namespace

WorkerId Core::Impl::attach(WorkerProfile profile, std::shared_ptr<WorkerPort> port) {
    auto owned = std::make_unique<Worker>();
    Worker& worker = *owned;
    worker.id = ids_.make<WorkerId>();
    worker.profile = std::move(profile);
    worker.port = std::move(port);
    worker.last_seen = now_;
    worker.since = wall_;
    for (const VersionPtr& version : worker.profile.versions) {
        version_added(version);
        Queue& queue = queue_for(version);
        worker.queues.push_back(&queue);
        ++queue.workers;
        queue.slots += worker.profile.slots;
        queue.unserved = false;
    }
    timers_.arm(worker, now_ + settings_.lease);
    if (workers_.empty()) pulse();
    workers_.emplace(worker.id, std::move(owned));
    observer_.worker_attached(worker.id, worker.profile.name);
    return worker.id;
}

/// Finds or makes the pool of a set of queues, which is sorted by version id.
Pool& Core::Impl::pool_of(std::vector<Queue*> queues) {
    for (const auto& pool : pools_) {
        if (pool->queues == queues) return *pool;
    }
    const auto unused = [](const auto& pool) { return pool->workers == 0; };
    if (static_cast<std::size_t>(std::count_if(pools_.begin(), pools_.end(), unused)) >
        kIdlePools) {
        pools_.erase(std::find_if(pools_.begin(), pools_.end(), unused));
    }
    pools_.push_back(std::make_unique<Pool>(std::move(queues), stirred_));
    return *pools_.back();
}

Offer* Core::Impl::offer_of(Worker& worker, std::span<const std::uint32_t> versions) {
    std::vector<Queue*> queues;
    for (const std::uint32_t index : versions) {
        if (index < worker.queues.size()) queues.push_back(worker.queues[index]);
    }
    std::sort(queues.begin(), queues.end(),
              [](const Queue* a, const Queue* b) { return a->version->id < b->version->id; });
    queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
    if (queues.empty()) return nullptr;
    for (const auto& offer : worker.offers) {
        if (offer->pool->queues == queues) return offer.get();
    }
    auto offer = std::make_unique<Offer>();
    offer->worker = &worker;
    offer->pool = &pool_of(std::move(queues));
    ++offer->pool->workers;
    worker.offers.push_back(std::move(offer));
    return worker.offers.back().get();
}

void Core::Impl::credit(WorkerId id, std::span<const std::uint32_t> versions, std::uint32_t slots) {
    Worker* worker = find_worker(id);
    if (!worker) return;
    worker->last_seen = now_;
    Offer* offer = nullptr;
    // Nearly every worker has one set and names it in the same order each time.
    if (worker->offers.size() == 1 && versions.size() == 1 && worker->queues.size() == 1 &&
        versions[0] == 0) {
        offer = worker->offers.front().get();
    } else {
        offer = offer_of(*worker, versions);
    }
    if (!offer) return;
    worker->offered = true;
    offer->slots = std::min(offer->slots + std::min(slots, kMaxOfferedSlots), kMaxOfferedSlots);
    relist(*worker);
    if (claims_ && !claims_->alone()) balance_soon();
}

/// Puts the worker's offers where they belong after anything that decides whether it can take jobs.
void Core::Impl::relist(Worker& worker) {
    const bool available = worker.available();
    for (const auto& offer : worker.offers) {
        if (available && offer->slots > 0)
            offer->pool->list(*offer);
        else
            offer->pool->unlist(*offer);
    }
}

/// A lease or a preparation of this worker is over.
void Core::Impl::worker_eased(Worker& worker) {
    if (worker.idle()) {
        worker.exclusive = false;
        if (worker.emptying_for) return serve_emptied(worker);
    }
    relist(worker);
}

void Core::Impl::stop_emptying(Contest& contest) {
    Worker& worker = *contest.emptying;
    contest.emptying = nullptr;
    worker.emptying_for = nullptr;
    relist(worker);
}

/// Sends jobs that were about to leave back to their lines; no attempt is counted.
void Core::Impl::undo_preparations(Worker& worker) {
    while (!worker.preparing.empty()) {
        Batch& batch = *worker.preparing.back();
        ++batch.waits;  // so that nothing departs while the batch is taken apart
        while (!batch.jobs.empty()) unpick(*batch.jobs.back());
        --batch.waits;
        settle_batch(batch);
    }
}

void Core::Impl::link_lost(WorkerId id) {
    Worker* worker = find_worker(id);
    if (!worker || !worker->linked) return;
    worker->linked = false;
    worker->port.reset();
    relist(*worker);
    undo_preparations(*worker);
    if (worker->emptying_for) stop_emptying(*worker->emptying_for);
    // Its credit was for the old connection; the worker gives it again.
    for (const auto& offer : worker->offers) offer->slots = 0;
    relist(*worker);
}

Result<std::vector<Fence>> Core::Impl::reattach(WorkerId id, std::shared_ptr<WorkerPort> port,
                                                std::span<const Fence> held) {
    Worker* worker = find_worker(id);
    if (!worker) return headrace::fail(ErrorCode::not_found, "no such worker");
    if (worker->linked) link_lost(id);  // the old connection is dead, it only does not know yet
    worker->linked = true;
    worker->port = std::move(port);
    worker->last_seen = now_;
    std::vector<Fence> dropped;
    std::vector<Job*> gone;
    std::vector<Fence> kept;
    for (Job* job = worker->leased.head(); job; job = job->next) {
        const Lease& lease = job->detail->lease;
        if (std::find(held.begin(), held.end(), lease.fence) == held.end()) {
            gone.push_back(job);
            continue;
        }
        kept.push_back(lease.fence);
        catch_up(*job);
    }
    for (const Fence& fence : held) {
        if (std::find(kept.begin(), kept.end(), fence) == kept.end()) dropped.push_back(fence);
    }
    // What it gave up while it was away, or never got. It has stopped with the dropped ones, too.
    for (const auto& each : worker->abandoned) timers_.disarm(*each);
    worker->abandoned.clear();
    for (Job* job : gone) {
        lose_attempt(*job, "lost",
                     JobError{"engine_failed", "the lease was lost with the link", "lost", true},
                     false);
    }
    worker_eased(*worker);
    return dropped;
}

void Core::Impl::lose_worker(Worker& worker, const std::string& reason, bool kill) {
    const auto owned = std::move(workers_.at(worker.id));
    workers_.erase(worker.id);
    timers_.disarm(worker);
    if (workers_.empty()) timers_.disarm(pulse_timer_);
    worker.linked = false;
    if (kill && worker.port) {
        outbox_.call([port = worker.port, reason] { port->kill(reason); });
    }
    relist(worker);
    if (worker.emptying_for) stop_emptying(*worker.emptying_for);
    undo_preparations(worker);
    for (const auto& each : worker.abandoned) timers_.disarm(*each);
    while (Job* job = worker.leased.head()) {
        // Any of them may have taken the process down: next time each runs alone.
        lose_attempt(*job, "lost",
                     JobError{"engine_failed", "the worker was lost: " + reason, "lost", true},
                     true);
    }
    if (worker.departing) std::erase(departing_, &worker);
    for (Queue* queue : worker.queues) {
        --queue->workers;
        queue->slots -= worker.profile.slots;
    }
    for (const auto& offer : worker.offers) --offer->pool->workers;
    for (Queue* queue : worker.queues) {
        if (queue->unserved) tell_unserved(*queue);  // what came back from it
    }
    observer_.worker_lost(worker.id, worker.profile.name, reason);
}

void Core::Impl::unserved(Worker& worker, bool nobody) {
    worker.unserved = nobody;
    const auto serves = [this](const Queue* queue) {
        if (queue->workers == 1) return false;  // this one: a model's pool, of a thousand
        return std::any_of(workers_.begin(), workers_.end(), [queue](const auto& each) {
            const Worker& other = *each.second;
            if (other.unserved || other.draining) return false;
            return std::find(other.queues.begin(), other.queues.end(), queue) != other.queues.end();
        });
    };
    for (Queue* queue : worker.queues) {
        queue->unserved = nobody && !serves(queue);
        if (queue->unserved) tell_unserved(*queue);
    }
}

/// Who waits on a connection learns now that it is in vain. Goes through the queue once.
void Core::Impl::tell_unserved(Queue& queue) {
    const auto waits = [](const Job& job) { return !job.logged(); };
    std::vector<Job*> told;
    for (const Line* line : {&queue.together, &queue.alone}) {
        for (const auto& lane : line->lanes()) lane->collect(waits, told);
    }
    for (Job* job = queue.pausing.head(); job; job = job->next) {
        if (waits(*job)) told.push_back(job);
    }
    for (Job* job : told) end_unserved(*job);
}

void Core::Impl::end_unserved(Job& job) {
    end(job, JobState::failed,
        JobError{"unavailable", std::string(kNobodyServes), "", true, kRetryWhenUnavailable});
}

}  // namespace headrace::jobs
