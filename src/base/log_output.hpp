#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace headrace::log {

/// Where lines go beside, or in place of, standard error.
struct Output {
    std::string file;                        // empty: standard error
    std::uint64_t file_bytes = 64ULL << 20;  // then the file is rotated
    std::uint32_t file_keep = 5;             // old ones
    bool syslog = false;                     // also to the system's log, under its own levels
};

/// Call once, before start(). Error unavailable: the file cannot be written.
Result<void> send_to(const Output& output);

}  // namespace headrace::log
