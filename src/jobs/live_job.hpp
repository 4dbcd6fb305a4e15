#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/event_ring.hpp"
#include "jobs/job.hpp"
#include "jobs/job_list.hpp"
#include "jobs/ports.hpp"
#include "jobs/session_flow.hpp"
#include "jobs/submission.hpp"
#include "jobs/timer_heap.hpp"
#include "jobs/trace_context.hpp"
#include "jobs/worker_port.hpp"

namespace headrace::jobs {

struct Queue;
class Lane;
struct Tenant;
struct Worker;
struct Share;
struct Batch;

/// Where a job is inside the core; README.md has the picture. Callers see JobState.
enum class Phase : std::uint8_t {
    accepting,  // its accept write is under way: no caller knows it yet
    parked,     // queued, but its version is not in the catalog
    waiting,    // in a lane of its queue
    pausing,    // queued, between two attempts
    preparing,  // picked for a slot; its input is loaded or its attempt written
    running,    // leased
    elsewhere,  // another node has it, or may claim it
    ending,     // its end is decided and being written
    ended,      // kept for those who ask
};

/// The lease a job has now, and what watches over it.
struct Lease {
    Worker* worker = nullptr;
    Share* share = nullptr;  // who pays for the slot
    Batch* batch = nullptr;  // while preparing
    Fence fence;
    double charged = 0;  // seconds of slot time, to be corrected at the end
    std::uint32_t batch_size = 1;
    SteadyTime since{};
    std::chrono::nanoseconds ran{0};  // of the lease that ended last
    SteadyTime first_output{};        // zero: none has come
    SteadyTime last_sign{};           // of the job, not of its worker
    SteadyTime timeout_at = SteadyTime::max();
    SteadyTime stop_by = SteadyTime::max();  // after a cancel
    bool cancelled = false;
    bool awaited = false;  // while preparing: an answer of the log is outstanding
};

/// The decided end of a job. `record` is made once and is what is written, shown and kept.
struct End {
    JobState state = JobState::failed;
    std::optional<JobError> error;
    std::shared_ptr<const Payload> output;
    std::vector<FileRecord> files;
    std::shared_ptr<const JobRecord> record;
    std::uint32_t failures = 0;     // of the write
    std::size_t files_pending = 0;  // of an interactive job
    bool write_under_way = false;
};

/// What only jobs need that have run, are watched, or are otherwise more than one of a million
/// waiting.
struct Detail {
    Lease lease;
    std::vector<Attempt> attempts;
    WallMs started_at = 0;
    Progress progress;
    Usage usage;
    SteadyTime paused_until{};
    std::uint32_t setbacks = 0;  // loads and writes before a lease that failed in a row
    std::optional<JobId> retry_of;
    std::string traceparent;  // one that TraceContext does not hold
    EventRing events;
    std::vector<std::shared_ptr<Subscription>> watchers;
    std::unique_ptr<SessionFlow> session;
    std::uint64_t taken_while_lost = 0;  // bytes of output, while the link is lost
    std::unique_ptr<End> end;
    std::vector<Done<CancelOutcome>> cancels;  // answered when the end is visible
    std::vector<Done<JobView>> promotions;
    bool cancelled_by_caller = false;  // one of `cancels` made the end
};

/// What is kept of a job after its end.
struct Kept {
    std::shared_ptr<const JobRecord> record;
    EventRing events;
    std::size_t bytes = 0;
};

/// Limits that few jobs have.
struct JobLimits {
    std::int64_t timeout_ms = 0;
    std::int64_t ttl_ms = 0;
    WallMs deadline_at = 0;
    SteadyTime deadline = SteadyTime::max();
};

/// A job in the core. Kept small: a million of them may wait. On one list at a time, see JobList.
struct Job : Timer {
    Job() : Timer(TimerKind::job) {}

    Detail& more() {
        if (!detail) detail = std::make_unique<Detail>();
        return *detail;
    }
    [[nodiscard]] bool durable() const { return job_class == JobClass::durable; }
    /// Writes of it go to the log: it is there, or on its way there.
    [[nodiscard]] bool logged() const { return durable() || promoting; }
    /// Holds a slot, whether its lease has left or is being prepared.
    [[nodiscard]] bool leased() const {
        return phase == Phase::preparing || phase == Phase::running;
    }
    [[nodiscard]] bool queued() const {
        return phase == Phase::parked || phase == Phase::waiting || phase == Phase::pausing;
    }

    JobId id;
    Job* hash_next = nullptr;
    Job* prev = nullptr;
    Job* next = nullptr;
    Queue* queue = nullptr;
    Tenant* tenant = nullptr;
    const std::string* caller = nullptr;
    Lane* lane = nullptr;            // while waiting
    std::unique_ptr<Detail> detail;  // null while nothing of it is needed, and after the end
    std::unique_ptr<Kept> kept;      // after the end
    std::unique_ptr<JobLimits> limits;
    std::unique_ptr<Idempotency> idempotency;  // every record of the job carries it
    std::shared_ptr<const Payload> input;      // null = on disk, or removed
    std::uint64_t order = 0;                   // age: rises with every job that is queued
    SteadyTime since{};                        // queued, or ended
    WallMs created_at = 0;
    double share_stamp = 0;
    std::uint32_t ticket = 0;  // of its lane and priority
    std::uint32_t attempt = 0;
    std::uint8_t priority = 5;
    Phase phase = Phase::accepting;
    JobClass job_class = JobClass::durable;
    bool leased_alone : 1 = false;
    bool session : 1 = false;
    bool promoting : 1 = false;
    bool shown_running : 1 = false;  // the state that callers see while it is ending
    bool restored : 1 = false;
    bool returned : 1 = false;  // in its lane out of order of arrival
    bool resident : 1 = false;  // its input is counted in the resident bytes
    bool output_removed : 1 = false;
    bool stays : 1 = false;   // no other node can run it
    bool abroad : 1 = false;  // ended on another node
    TraceContext trace;
};

}  // namespace headrace::jobs
