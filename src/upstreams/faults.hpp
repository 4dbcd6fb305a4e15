#pragma once

#include <cstdint>

/// Bugs the simulation must be able to find. They exist only in its own build of the room
/// (HEADRACE_PLANTED_BUGS); everywhere else planted() is the constant false and the code is gone.
namespace headrace::upstreams {

enum class Plant : std::uint8_t {
    none,
    never_opens,            // failures in a row do not open a circuit
    many_trials,            // half open, every call may go
    trial_forgotten,        // a trial that was dropped is waited for without end
    back_off_constant,      // an open time is never longer than the first
    pause_ignored,          // "come back later" is not heard
    pause_lost,             // an open time ends a pause early
    key_refusal_ignored,    // a server that refuses our key is asked on
    probe_ends_back_off,    // an answered probe counts as an answered call
    health_lost_on_change,  // a changed spec closes the circuit
    probe_never_ends,       // a server is probed once
    priority_ignored,       // the smallest burden alone decides
    weight_ignored,         // every server counts as weight 1
    room_exceeded,          // one call more than the server takes
    tried_again,            // a server that failed may be the next
    disabled_called,        // a server that was switched off is asked on
    credit_lost,            // an ended job gives no room back
    nobody_up_unsaid,       // a job for which nobody is up waits in the queue
    no_failover,            // the first failure is the caller's
    second_answer,          // another server goes on after a part of an answer
    cancel_unheard,         // a dropped job's call runs on
    room_leaked,            // a failed call is counted on
    waiter_forgotten,       // nobody tells those who wait that there is room
    time_stays_over,        // after a call that took too long, the next one is over at once
    retired_unwatched,      // what is under way when a model loses its last server is forgotten
    retired_takes_jobs,     // a pool without servers goes on taking jobs
    last_server_unsaid,     // who waits for a model that loses its last server is not told
    total_unwatched,        // a call may last for ever
    beat_unheard,           // a worker is dropped although it beats
    silent_worker_kept,     // a worker that beats no more stays
    stranger_known,         // a worker that is not known is not told to register
    stuck_calls_counted,    // calls that hang at a server that is down take room from the others
    start_unawaited,        // a worker that registers before it listens counts as down
    count,
};

#ifdef HEADRACE_PLANTED_BUGS
inline Plant planted_bug = Plant::none;
inline bool planted(Plant bug) {
    return planted_bug == bug;
}
#else
constexpr bool planted(Plant) {
    return false;
}
#endif

}  // namespace headrace::upstreams
