#pragma once

#include <chrono>
#include <cstdint>

namespace headrace::jobs {

/// Limits and times of the core; the defaults are what `serve` starts with.
struct Settings {
    std::uint64_t max_queued_per_capability = 1'000'000;
    std::uint32_t max_attempts = 5;
    std::chrono::milliseconds retry_base{200};  // first pause before an automatic attempt
    std::chrono::milliseconds retry_max{30'000};
    std::chrono::milliseconds lease{15'000};  // silence of a worker after which its leases are lost
    std::chrono::milliseconds cancel_grace{5'000};  // before a worker that does not stop is killed
    std::chrono::milliseconds keep_ended{60'000};   // an ended job answers from memory
    std::uint32_t max_events_per_job = 1'000;       // kept for resume
    std::uint64_t max_event_bytes_per_job = 1 << 20;
    std::uint64_t session_window = 256 * 1024;      // bytes per direction
    std::uint64_t resident_input_bytes = 64 << 20;  // queued durable inputs above this stay on disk
    std::uint64_t max_ended_bytes = 16 << 20;       // of them, also within keep_ended
    /// Ends the log has not answered; beyond it durable jobs stay queued. Half of them fill a
    /// commit while the next one gathers.
    std::uint32_t max_ends_under_way = 512;
    std::chrono::hours idempotency_keep{24};
};

}  // namespace headrace::jobs
