#include "jobs/queue.hpp"

#include <algorithm>
#include <cmath>

#include "catalog/version.hpp"
#include "jobs/fair_share.hpp"

namespace headrace::jobs {

Lane& Line::lane_of(Tenant& tenant) {
    if (last_used_ && &last_used_->tenant == &tenant) return *last_used_;
    auto& lane = by_tenant_[&tenant];
    if (!lane) {
        lanes_.push_back(std::make_unique<Lane>(*this, tenant));
        lane = lanes_.back().get();
        for (Pool* pool : queue_.pools) pool->join(*lane);
    }
    last_used_ = lane;
    return *lane;
}

void Line::push(Job& job) {
    Lane& lane = lane_of(*job.tenant);
    if (lane.size() == 0) ++busy_lanes_;
    if (size_ == 0) {
        oldest_ = job.since;
        oldest_known_ = true;
    } else if (oldest_known_) {
        oldest_ = std::min(oldest_, job.since);
    }
    lane.push(job);
    ++size_;
    refresh_entries(lane);
}

void Line::erase(Job& job) {
    Lane& lane = *job.lane;
    if (oldest_known_ && job.since == oldest_) oldest_known_ = false;
    lane.erase(job);
    --size_;
    if (lane.size() == 0) --busy_lanes_;
    refresh_entries(lane);
}

SteadyTime Line::oldest_since() {
    if (size_ == 0) return SteadyTime::max();
    if (!oldest_known_) {
        oldest_ = SteadyTime::max();
        for (const auto& lane : lanes_) oldest_ = std::min(oldest_, lane->oldest_since());
        oldest_known_ = true;
    }
    return oldest_;
}

void RunTimes::add(double run, double slot) {
    // A true average over the first ten, then a moving one.
    const double weight = std::max(0.1, 1.0 / ++samples);
    samples = std::min(samples, 1000U);
    run_s = run_s < 0 ? run : run_s + (run - run_s) * weight;
    slot_s = slot_s < 0 ? slot : slot_s + (slot - slot_s) * weight;
}

Queue::Queue(TenantId of, std::string of_name, std::string of_version)
    : owner(std::move(of)),
      name(std::move(of_name)),
      semver(std::move(of_version)),
      together(*this, false),
      alone(*this, true) {}

void Queue::set_version(VersionPtr newer) {
    using std::chrono::milliseconds;
    version = std::move(newer);
    const catalog::ServingLimits& limits = version->limits;
    max_batch = std::clamp(limits.max_batch, 1U, 64U);
    max_wait = milliseconds(limits.max_wait_ms);
    run_timeout = milliseconds(limits.run_timeout_ms);
    stall_timeout = milliseconds(limits.stall_timeout_ms);
    cancel_grace = milliseconds(limits.cancel_grace_ms);
}

QueuePlace Queue::place_of(const Job& job) const {
    QueuePlace place;
    const std::uint64_t all = std::max<std::uint64_t>(queued, 1);
    if (job.lane) {
        const std::uint64_t mine = job.lane->ahead_of(job) + 1;
        // Other tenants take turns with mine: each is served at most as often before this job.
        const std::uint64_t lanes = together.busy_lanes() + alone.busy_lanes();
        const std::uint64_t others = all - std::min<std::uint64_t>(all, job.lane->size());
        place.position = mine + std::min(others, mine * (lanes - 1));
    } else {
        place.position = job.phase == Phase::parked ? all : 1;  // pausing: due before what waits
    }
    if (times.slot_s >= 0 && slots > 0) {
        place.estimate_s = static_cast<double>(place.position) * times.slot_s / slots;
    }
    return place;
}

int Queue::seconds_to_room() const {
    if (times.slot_s < 0 || slots == 0) return 10;
    return static_cast<int>(std::clamp(std::ceil(times.slot_s / slots), 1.0, 600.0));
}

}  // namespace headrace::jobs
