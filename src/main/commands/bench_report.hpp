#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "main/commands/bench_load.hpp"
#include "telemetry/latency_histogram.hpp"

namespace headrace::main {

/// Counts between round bounds ("1 ms, 1.6 ms, 2.5 ms"), as fine as `most_rows` allows; from the
/// first row that has any to the last.
struct LatencyRow {
    std::chrono::nanoseconds from;
    std::chrono::nanoseconds to;
    std::uint64_t count = 0;
};
std::vector<LatencyRow> latency_rows(const telemetry::LatencyHistogram& histogram,
                                     std::size_t most_rows);

/// One bar a row, `width` characters for the longest.
std::string draw_rows(const std::vector<LatencyRow>& rows, std::size_t width);

/// "830 ns", "12.4 µs", "1.25 ms", "3.2 s": three digits.
std::string show_latency(std::chrono::nanoseconds time);

/// The whole result for people, and as JSON with milliseconds.
std::string bench_text(const std::string& capability, const BenchPlan& plan,
                       const BenchResult& result);
json::object bench_json(const std::string& capability, const BenchPlan& plan,
                        const BenchResult& result);

/// One line while it runs: "4 s of 10 s  1234/s  p50 1.2 ms  p99 3.1 ms  no errors".
std::string bench_progress(const BenchPlan& plan, const BenchResult& result);

}  // namespace headrace::main
