#include "jobs/lane.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

#include "jobs/fair_share.hpp"

namespace headrace::jobs {

Lane::Lane(Line& of_line, Tenant& of_tenant) : line(of_line), tenant(of_tenant) {}
Lane::~Lane() = default;

bool Lane::Before::operator()(const Job* a, const Job* b) const {
    if (a->priority != b->priority) return a->priority > b->priority;
    return a->order < b->order;
}

void Lane::push(Job& job) {
    const std::size_t p = job.priority;
    auto& list = arrived_[p];
    job.lane = this;
    job.returned = false;
    if (list.empty() || list.tail()->order < job.order) {
        job.ticket = tickets_[p]++;
        list.push_back(job);
    } else if (job.order < list.head()->order) {
        job.ticket = list.head()->ticket - 1;
        list.push_front(job);
    } else {
        job.returned = true;
        returned_.insert(&job);
    }
    if (!job.returned) mask_ |= 1U << p;
    ++counts_[p];
    ++size_;
}

void Lane::erase(Job& job) {
    const std::size_t p = job.priority;
    if (job.returned)
        returned_.erase(&job);
    else
        arrived_[p].erase(job);
    if (arrived_[p].empty()) mask_ &= ~(1U << p);
    job.lane = nullptr;
    job.returned = false;
    --counts_[p];
    --size_;
}

Job* Lane::head() const {
    Job* first = returned_.empty() ? nullptr : *returned_.begin();
    if (mask_ == 0) return first;
    Job* arrived = arrived_[static_cast<std::size_t>(std::bit_width(mask_) - 1)].head();
    return !first || Before()(arrived, first) ? arrived : first;
}

Job* Lane::last(bool (*may)(const Job&)) const {
    for (const JobList& list : arrived_) {
        for (Job* job = list.tail(); job; job = job->prev) {
            if (may(*job)) return job;
        }
    }
    const auto found = std::find_if(returned_.rbegin(), returned_.rend(),
                                    [may](const Job* job) { return may(*job); });
    return found == returned_.rend() ? nullptr : *found;
}

void Lane::collect(bool (*may)(const Job&), std::vector<Job*>& into) const {
    for (const JobList& list : arrived_) {
        for (Job* job = list.head(); job; job = job->next) {
            if (may(*job)) into.push_back(job);
        }
    }
    std::copy_if(returned_.begin(), returned_.end(), std::back_inserter(into),
                 [may](const Job* job) { return may(*job); });
}

std::uint32_t Lane::ahead_of(const Job& job) const {
    std::uint32_t ahead = 0;
    for (std::size_t p = job.priority + 1U; p < kPriorities; ++p) ahead += counts_[p];
    if (job.returned) return ahead;  // it is among the oldest: those before it are few
    const std::uint32_t passed = job.ticket - arrived_[job.priority].head()->ticket;
    return ahead + std::min(passed, counts_[job.priority] - 1);
}

SteadyTime Lane::oldest_since() const {
    SteadyTime oldest = SteadyTime::max();
    for (const auto& list : arrived_) {
        if (!list.empty()) oldest = std::min(oldest, list.head()->since);
    }
    for (const Job* job : returned_) oldest = std::min(oldest, job->since);
    return oldest;
}

WallMs Lane::oldest_created() const {
    WallMs oldest = 0;
    const auto take = [&oldest](const Job* job) {
        if (oldest == 0 || job->created_at < oldest) oldest = job->created_at;
    };
    for (const auto& list : arrived_) {
        if (!list.empty()) take(list.head());
    }
    if (!returned_.empty()) take(*returned_.begin());
    return oldest;
}

Job* Lane::oldest_before(std::uint64_t order) const {
    for (const auto& list : arrived_) {
        if (!list.empty() && list.head()->order < order) return list.head();
    }
    if (!returned_.empty() && (*returned_.begin())->order < order) return *returned_.begin();
    return nullptr;
}

}  // namespace headrace::jobs
