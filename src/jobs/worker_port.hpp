#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jobs/job.hpp"

namespace headrace::jobs {

/// The core's grant of one job to a slot.
struct Grant {
    JobId job;
    Fence fence;
    std::uint32_t attempt = 1;
    TenantId tenant;
    std::string caller;  // who asked; owns the files of the output
    std::shared_ptr<const Payload> input;
    std::int64_t timeout_ms = 0;  // run time left, 0 = none
    std::string traceparent;
    bool session = false;
    bool wants_stream = false;  // somebody listens to streamed outputs
    bool durable = true;        // else its only reader waits on a connection, and nothing is kept
};

/// Jobs that one slot runs together: all of one version.
struct GrantBatch {
    VersionPtr version;
    std::vector<Grant> grants;
};

enum class CancelReason : std::uint8_t { cancelled, timeout, deadline, lost };
std::string_view to_string(CancelReason reason);

/// The core's view of a worker's other end. Implemented by the hub (our link) and by foreign worker
/// dialects; called on the core's loop; must not call back into the core from inside.
class WorkerPort {
  public:
    virtual ~WorkerPort() = default;
    virtual void lease(std::vector<GrantBatch> batches) = 0;
    virtual void cancel(JobId job, Fence fence, CancelReason reason) = 0;
    /// One step of a session's input.
    virtual void input(JobId job, Fence fence, std::string values, bool last) = 0;
    /// The caller has taken `bytes` of streamed output: the worker may send that many more.
    virtual void output_taken(JobId job, Fence fence, std::uint64_t bytes) = 0;
    /// Take no more jobs; `remove` also asks the worker to go away.
    virtual void drain(bool remove) = 0;
    /// The worker did not end a cancelled job in its grace, or showed no sign of life: end its
    /// process.
    virtual void kill(std::string reason) = 0;
};

/// What a worker says of itself when it attaches.
struct WorkerProfile {
    std::string name;
    std::string host;
    std::uint32_t pid = 0;
    std::string kit;
    TenantId tenant;  // of the key it came with; "system" for hosts of --engine
    std::vector<VersionPtr> versions;
    std::uint32_t slots = 1;
    std::vector<std::string> gpus;  // in words, those that its process was given
};

/// A worker as operators see it.
struct WorkerView {
    WorkerId id;
    WorkerProfile profile;
    std::string state;  // "loading", "ready", "busy", "draining", "lost"
    std::uint32_t running = 0;
    WallMs since = 0;
};

/// A queue as operators see it.
struct QueueView {
    VersionPtr version;
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    std::uint32_t workers = 0;
    std::uint32_t slots = 0;
    std::uint32_t free_slots = 0;
    bool paused = false;
    bool draining = false;
    WallMs oldest_queued_at = 0;
    double average_run_s = -1;  // < 0: nothing known yet
};

/// One tenant's part of one queue.
struct TenantLoad {
    TenantId tenant;
    std::string capability;
    std::string version;
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    WallMs oldest_queued_at = 0;
};

}  // namespace headrace::jobs
