#pragma once

#include <cstdint>
#include <string_view>

/// Bugs the simulation must be able to find. They exist only in its own build of the room
/// (HEADRACE_PLANTED_BUGS); everywhere else planted() is the constant false and the code is gone.
namespace headrace::jobs {

enum class Fault : std::uint8_t {
    none,
    late_result_accepted,   // a fenced-out worker's result is taken
    answer_before_write,    // 202 before the job is on disk
    finish_before_write,    // the end is shown before it is on disk
    finish_not_retried,     // a failed finish write is forgotten
    crash_not_marked,       // jobs that shared a crash are batched again
    attempts_unlimited,     // nothing is ever dead
    usage_twice,            // a promoted job is metered in both classes
    lost_worker_forgotten,  // the jobs of a silent worker are not queued again
    ttl_not_armed,          // queue timeouts never fire
    share_not_charged,      // a flooding tenant is never ahead
    batch_overflow,         // one job more than max_batch
    event_skipped,          // an event id is used and the event dropped
    attempt_not_awaited,    // a later lease leaves before its record is on disk
    session_repeated,       // a session runs again after steps were delivered
    body_not_compared,      // a key used with another body gets the first one's job
    queue_unbounded,        // no quota
    job_leaked,             // ended jobs are never let go
    held_forgotten,         // who waited for the log to catch up waits on
    standstill_blamed,      // what nobody could hear while we stood still counts as silence
    count,
};

#ifdef HEADRACE_PLANTED_BUGS
inline Fault planted_fault = Fault::none;
inline bool planted(Fault fault) {
    return planted_fault == fault;
}
#else
constexpr bool planted(Fault) {
    return false;
}
#endif

}  // namespace headrace::jobs
