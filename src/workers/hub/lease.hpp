#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/loop.hpp"
#include "jobs/worker_port.hpp"
#include "link/window.hpp"
#include "workers/hub/rate_cap.hpp"
#include "workers/hub/settings.hpp"

namespace headrace::wire {
class JobRef;
class LeasedJob;
}  // namespace headrace::wire

namespace headrace::workers::hub {

class OutputIntake;

/// A part of a job's input that goes to the worker in chunks.
struct InputPart {
    std::uint32_t number = 0;  // 0 = the serialized values
    std::variant<std::string, jobs::BlobRef> content;
};

/// What only few leases need: input by chunks or steps.
struct InputFlow {
    struct Step {
        std::string values;
        bool last = false;
    };
    std::deque<InputPart> parts;  // before any step
    std::deque<Step> steps;       // of a session, waiting for room
    std::uint64_t steps_sent = 0;
    std::uint64_t chunk_bytes = 0;  // sent and not consumed: what a window frame gives back first
    UniqueFunction<void()> when_room;  // of the coroutine that waits
};

/// One lease that a worker holds.
struct HeldLease {
    HeldLease(const jobs::Grant& grant, jobs::VersionPtr of, const Settings& settings);
    ~HeldLease();

    const JobId job;
    const jobs::Fence fence;
    const TenantId tenant;
    const std::string caller;
    const jobs::VersionPtr version;
    const bool session;
    bool sent = false;   // the lease frame has left
    bool ended = false;  // the core knows its end, or has given it up: nothing is told any more
    bool concluding = false;  // its result has come and is being stored
    std::optional<jobs::CancelReason> cancelled;

    link::SendWindow to_worker;
    link::ReceiveWindow from_worker;
    std::uint64_t owed = 0;  // bytes consumed that no window frame has given back yet
    RateCap progress;
    RateCap log;
    std::unique_ptr<InputFlow> input;      // null unless there are parts or steps
    std::unique_ptr<OutputIntake> output;  // null until a chunk comes
    UniqueFunction<void()> when_stored;    // set when the result came before its chunks were stored
};

using LeasePtr = std::shared_ptr<HeldLease>;

void write_ref(const JobId& job, const jobs::Fence& fence, wire::JobRef& to);

/// Fills the frame's job from the grant and notes in `lease.input` what must follow in chunks.
/// `values` are the input's serialized values, loaded if they were spilled, else as in the payload;
/// `inline_left` is what the frame has left for values, and is lowered. Error: the stored input is
/// no good.
Result<void> write_job(const jobs::Grant& grant, std::string_view values, std::size_t& inline_left,
                       HeldLease& lease, wire::LeasedJob& to);

}  // namespace headrace::workers::hub
