#pragma once

#include <string>

namespace headrace::telemetry {

class Registry;

/// Processor time, memory, open files and start time of this process, under Prometheus' own names,
/// and headrace_build_info. Read from /proc at each scrape.
void add_process_metrics(Registry& registry, const std::string& version);

}  // namespace headrace::telemetry
