#pragma once

#include <cstdint>

#include <sys/types.h>

namespace headrace::engines {

/// Resident bytes of a process and of what descends from it; 0 when it is gone. Reads /proc.
std::uint64_t resident_bytes(pid_t pid);

}  // namespace headrace::engines
