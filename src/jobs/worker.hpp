#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "jobs/fair_share.hpp"
#include "jobs/live_job.hpp"
#include "jobs/worker_port.hpp"

namespace headrace::jobs {

struct Queue;

/// A lease whose job has ended (timeout, deadline) while the engine was still at it: the worker has
/// until the timer to say that it has stopped.
struct AbandonedLease : Timer {
    AbandonedLease(Worker& of, JobId job_id, Fence of_lease, SteadyTime due)
        : Timer(TimerKind::abandoned), worker(of), job(job_id), fence(of_lease), stop_by(due) {}
    Worker& worker;
    JobId job;
    Fence fence;
    SteadyTime stop_by;
};

/// Jobs picked for one slot that cannot leave yet: an input is being loaded, or the record of a
/// later attempt is being written.
struct Batch {
    Worker* worker = nullptr;
    Offer* offer = nullptr;
    Queue* queue = nullptr;
    std::vector<Job*> jobs;
    std::uint32_t waits = 0;
};

/// One worker that has dialled in: one process, as far as crashes go.
struct Worker : Timer {
    Worker() : Timer(TimerKind::worker) {}

    /// Nothing of ours runs in its process.
    [[nodiscard]] bool idle() const {
        return leased.empty() && abandoned.empty() && preparing.empty();
    }
    /// May be given jobs now.
    [[nodiscard]] bool available() const {
        return linked && !draining && !exclusive && emptying_for == nullptr;
    }

    WorkerId id;
    WorkerProfile profile;
    std::shared_ptr<WorkerPort> port;  // null while the link is lost
    std::vector<Queue*> queues;        // by index of profile.versions
    std::vector<std::unique_ptr<Offer>> offers;
    JobList leased;  // jobs whose lease has left
    std::uint32_t running = 0;
    std::vector<std::unique_ptr<AbandonedLease>> abandoned;
    std::vector<std::unique_ptr<Batch>> preparing;
    std::vector<GrantBatch> outgoing;  // leaves at the end of the call
    SteadyTime last_seen{};
    WallMs since = 0;
    Contest* emptying_for = nullptr;
    bool linked = true;
    bool draining = false;
    bool unserved = false;   // said that nobody stands behind it
    bool exclusive = false;  // runs a job that must be alone
    bool offered = false;    // has given credit at least once
    bool departing = false;  // in the list of those with outgoing leases
};

}  // namespace headrace::jobs
