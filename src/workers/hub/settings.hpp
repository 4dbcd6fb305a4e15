#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace headrace::workers::hub {

struct Settings {
    std::uint64_t epoch = 0;                     // of this life of the server
    std::chrono::milliseconds lease{15'000};     // as the core's
    std::chrono::milliseconds heartbeat{5'000};  // a worker says something at least this often
    std::chrono::milliseconds hello_time{10'000};
    std::chrono::milliseconds file_time{24 * 3'600'000};  // how long produced files are kept
    std::uint32_t window = 256 * 1024;                    // bytes per job and direction
    std::uint64_t most_values = 32 << 20;      // bytes of one job's output without its media
    std::uint64_t most_media = 1ULL << 30;     // bytes of one produced file
    std::size_t replay = 8 << 20;              // kept for an agent whose link is lost
    std::uint32_t progress_per_second = 20;    // per job; what is more is dropped
    std::uint32_t log_lines_per_second = 200;  // per job
};

}  // namespace headrace::workers::hub
