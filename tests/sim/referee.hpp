#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "plan.hpp"
#include "stores/memory/memory_job_log.hpp"

namespace headrace::sim {

using namespace jobs;  // NOLINT: the simulation speaks of little else

/// All that is known of one job from the outside.
struct Story {
    Plan plan;
    std::uint32_t life = 0;  // of the server, in which it was accepted
    bool durable = false;    // promised: answered with an id before its end
    bool session = false;
    bool waits = false;  // in the queue, never leased, and counted as that
    std::string capability;
    std::string key;        // idempotency
    std::uint8_t body = 0;  // which of those that come with the key
    WallMs created_at = 0;
    WallMs accepted_at = 0;  // on disk, or in memory: nothing can end before
    std::int64_t ttl_ms = 0;
    std::int64_t timeout_ms = 0;
    WallMs deadline_at = 0;
    std::optional<JobState> end;  // as first seen
    std::uint32_t done_events = 0;
    std::uint32_t ended_calls = 0;
    Fence fence;  // of its last lease
    WorkerId worker;
    std::uint32_t attempt = 0;
    bool must_be_alone = false;
    bool delivered = false;                    // a step of a session has gone either way
    std::uint32_t cancel_life = 0;             // in which a 202 was given to a cancel; 0 = never
    std::map<JobId, std::uint32_t> downed_by;  // poison jobs, and how often
};

/// Holds the core to its promises. Watches leases, events, answers and the disk; keeps the first
/// violation. Never throws: it is called from inside the core.
class Referee final : public CoreObserver {
  public:
    Referee(const stores::VirtualTime& time, const stores::MemoryDisk& disk,
            const Settings& settings)
        : time_(time), disk_(disk), settings_(settings) {}

    void violation(std::string what);
    [[nodiscard]] bool failed() const { return first_.has_value(); }
    [[nodiscard]] const std::string& first() const { return *first_; }

    void server_started(std::uint32_t life) { life_ = life; }
    void server_crashed();
    /// A caller was given the job's id.
    void accepted(const Accepted& answer, Story story);
    void saw(const JobRecord& record);
    void event(const JobEvent& event, JobId job, std::uint64_t previous);
    void cancelled(const CancelOutcome& outcome);
    /// The job belongs to a disk now.
    void promoted(const JobRecord& record);

    /// Nothing ran between the two: what was due meanwhile is on time at the end of it.
    void stood_still(WallMs from, WallMs to) { standstills_.emplace_back(from, to); }

    void leased(const WorkerId& worker, const GrantBatch& batch, const Core& core);
    void session_step(JobId job);
    /// The worker has nothing to do with the lease any more, and the core knows it.
    void released(const WorkerId& worker, const Fence& fence);
    /// Of a worker that is back, the core keeps only the leases it holds.
    void reattached(const WorkerId& worker, const std::vector<Fence>& held);
    void crashed_by(const WorkerId& worker, JobId poison) { poisoned_[worker] = poison; }

    void job_accepted(const JobRecord& record) override;
    void job_ended(const JobRecord& record, std::chrono::nanoseconds ran) override;
    void worker_lost(const WorkerId& worker, const std::string& name,
                     const std::string& reason) override;

    /// Everything has come to rest: nothing may be missing, left over or counted twice.
    void check_end(const CoreCounts& counts);

    std::map<JobId, Story> stories;

  private:
    void check_times(const Story& story, const JobRecord& record);
    [[nodiscard]] WallMs on_time(WallMs due) const;
    void check_alone(const WorkerId& worker, const GrantBatch& batch);

    const stores::VirtualTime& time_;
    const stores::MemoryDisk& disk_;
    const Settings& settings_;
    std::optional<std::string> first_;
    std::uint32_t life_ = 0;
    std::map<WorkerId, std::map<Fence, JobId>> live_;  // leases, as the core must know them
    std::map<WorkerId, JobId> poisoned_;
    std::vector<std::pair<WallMs, WallMs>> standstills_;
    std::map<std::string, std::uint32_t> waiting_;  // by capability: accepted, never leased
};

}  // namespace headrace::sim
