#pragma once

#include <cstdint>
#include <string>

namespace headrace::telemetry {

class Registry;

/// What this process has used so far, and holds now.
struct ProcessUse {
    double cpu_seconds = 0;
    std::uint64_t memory_bytes = 0;  // resident
};
ProcessUse process_use();

/// Gives memory that the calling thread's allocator holds and nobody uses back to the system. Takes
/// milliseconds: for when there is nothing else to do.
void release_unused_memory();

/// Processor time, memory, open files and start time of this process, under Prometheus' own names,
/// and headrace_build_info. Read from /proc at each scrape.
void add_process_metrics(Registry& registry, const std::string& version);

}  // namespace headrace::telemetry
