#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "jobs/job_list.hpp"
#include "jobs/live_job.hpp"

namespace headrace::jobs {

struct Entry;
class Line;

/// The jobs of one tenant that wait in one line: by priority, then age. New jobs arrive in the
/// order of their age and cost O(1); those that come back older than what waits cost O(log n).
class Lane {
  public:
    Lane(Line& line, Tenant& tenant);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void push(Job& job);
    void erase(Job& job);
    /// The job that goes next, or null.
    [[nodiscard]] Job* head() const;
    /// The job that goes last among those that `may` names, or null.
    [[nodiscard]] Job* last(bool (*may)(const Job&)) const;
    [[nodiscard]] std::uint32_t size() const { return size_; }
    /// How many jobs of this lane go before `job`. An upper bound: jobs cancelled from the middle
    /// still count until the lane has passed them. Exact for what nobody cancels.
    [[nodiscard]] std::uint32_t ahead_of(const Job& job) const;
    /// When the job that has waited longest was queued; SteadyTime::max() when empty. O(1) but for
    /// jobs that came back.
    [[nodiscard]] SteadyTime oldest_since() const;
    [[nodiscard]] WallMs oldest_created() const;
    /// Appends those that `may` names; goes through all.
    void collect(bool (*may)(const Job&), std::vector<Job*>& into) const;
    /// Any job that was queued before the given order, or null.
    [[nodiscard]] Job* oldest_before(std::uint64_t order) const;

    Line& line;
    Tenant& tenant;
    double stamp_end = 0;  // of the last job accepted: where the next one's share stamp starts
    /// Its places in the contests for slots, one for each pool that serves the queue.
    std::vector<std::unique_ptr<Entry>> entries;

  private:
    static constexpr std::size_t kPriorities = 10;
    struct Before {
        bool operator()(const Job* a, const Job* b) const;
    };

    std::array<JobList, kPriorities> arrived_;
    std::array<std::uint32_t, kPriorities> counts_{};   // with those that came back
    std::array<std::uint32_t, kPriorities> tickets_{};  // the next to be given
    std::set<Job*, Before> returned_;
    std::uint32_t mask_ = 0;  // priorities whose arrived_ list is not empty
    std::uint32_t size_ = 0;
};

}  // namespace headrace::jobs
