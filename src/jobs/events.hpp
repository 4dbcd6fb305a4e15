#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "jobs/job.hpp"

namespace headrace::jobs {

struct StateEvent {
    JobState state = JobState::queued;
    std::uint32_t attempt = 0;
};

struct LogEvent {
    std::string stream;  // "stdout", "stderr", "log"
    std::string line;
    WallMs at = 0;
};

/// A part of a streamed output, or a session's output step.
struct OutputEvent {
    std::string values;  // serialized catalog::Values with only what is new
    bool last = false;
};

/// The job has ended; the record is its final one.
struct DoneEvent {
    std::shared_ptr<const JobRecord> record;
};

struct JobEvent {
    std::uint64_t id = 0;  // rises by job, from 1
    std::variant<StateEvent, Progress, LogEvent, OutputEvent, DoneEvent> what;
};

/// Gets a job's events in order, ending with DoneEvent. Called on the core's loop by the core
/// itself, on the loop that subscribed when it came through Service. Must not block, and must not
/// call back into the core for the same job from inside.
class JobWatcher {
  public:
    virtual ~JobWatcher() = default;
    virtual void on_event(const std::shared_ptr<const JobEvent>& event) = 0;
    /// False: streamed outputs are of no use to it, so they need not be sent while the job runs.
    /// Who answers true gives back what it took with output_taken().
    [[nodiscard]] virtual bool wants_outputs() const { return true; }
};

}  // namespace headrace::jobs
