#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "jobs/backoff.hpp"
#include "jobs/claims.hpp"
#include "jobs/core.hpp"
#include "jobs/idempotency.hpp"
#include "jobs/job_table.hpp"
#include "jobs/observer.hpp"
#include "jobs/outbox.hpp"
#include "jobs/queue.hpp"
#include "jobs/worker.hpp"

namespace headrace::jobs {

/// All that the core knows. Belongs to Core::Impl, which alone changes it.
struct CoreState {
    CoreState(Settings settings, const Clock& clock, IdSource& ids, JobLog& log,
              CoreObserver& observer);
    ~CoreState();
    CoreState(const CoreState&) = delete;
    CoreState& operator=(const CoreState&) = delete;

    // The outside.
    Settings settings_;
    const Clock& clock_;
    IdSource& ids_;
    JobLog& log_;
    CoreObserver& observer_;

    // The turn.
    std::shared_ptr<char> alive_ = std::make_shared<char>();
    SteadyTime now_{};
    WallMs wall_ = 0;
    std::uint32_t depth_ = 0;
    Fence fence_;  // the last one that was given
    std::uint64_t last_order_ = 0;
    std::uint64_t last_ticket_ = 0;     // of watchers
    std::uint64_t writes_ = 0;          // under way
    std::uint64_t ends_under_way_ = 0;  // of them, ends of jobs
    bool held_back_ = false;            // something waits until the log has caught up with ends
    std::uint64_t running_ = 0;
    std::uint64_t preparing_ = 0;
    std::uint64_t resident_bytes_ = 0;     // inputs of durable jobs that wait
    std::uint64_t interactive_bytes_ = 0;  // inputs of interactive jobs
    bool draining_ = false;
    UniqueFunction<void()> idle_;
    UniqueFunction<void()> deadline_moved_;
    SteadyTime told_deadline_ = SteadyTime::max();
    Backoff backoff_;
    TimerHeap timers_;
    JobTable jobs_;
    Outbox outbox_;
    IdempotencyFlights flights_;
    Core::ResolveVersion resolve_;
    JobRecord note_;  // filled anew for each call of the observer, so that it keeps its memory
    std::unordered_map<std::string, std::unique_ptr<Tenant>> tenants_;  // never iterated
    std::unordered_set<std::string> callers_;                           // ids of keys: few
    std::map<std::pair<std::string, std::string>, Capability> capabilities_;
    std::vector<Queue*> queue_by_version_;  // by VersionId
    std::vector<std::unique_ptr<Queue>> queues_;
    std::vector<std::unique_ptr<Queue>> parking_;  // of versions that are not in the catalog
    std::vector<std::unique_ptr<Pool>> pools_;
    std::vector<Pool*> stirred_;
    std::unordered_map<WorkerId, std::unique_ptr<Worker>> workers_;
    std::vector<Worker*> departing_;       // have outgoing leases
    Timer pulse_timer_{TimerKind::pulse};  // armed while there are workers
    SteadyTime pulsed_at_{};
    std::vector<Job*> picked_;
    JobList ended_;
    std::size_t ended_bytes_ = 0;
    Timer ended_timer_{TimerKind::ended};
    std::vector<std::shared_ptr<const JobRecord>> unmetered_;  // whose usage could not be written
    Timer usage_timer_{TimerKind::usage};
    std::uint32_t usage_failures_ = 0;

    // Where nodes share the log.
    JobClaims* claims_ = nullptr;
    std::shared_ptr<ClaimListener> news_;
    JobList elsewhere_;  // jobs of callers here that another node has, or may claim
    Timer claim_timer_{TimerKind::claims};
    bool claiming_ = false;     // a claim is under way
    bool balance_due_ = false;  // the timer is armed for a reason
};

}  // namespace headrace::jobs
