#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/result.hpp"
#include "http/client.hpp"
#include "telemetry/latency_histogram.hpp"

namespace headrace::main {

/// wait: the answer brings the result. durable: the answer says the job is on disk. stream: an
/// event stream to the end of the job.
enum class BenchMode : std::uint8_t { wait, durable, stream };

struct BenchPlan {
    http::Url url;  // of POST /jobs
    http::Headers headers;
    http::ClientSettings client;
    std::string body;
    BenchMode mode = BenchMode::wait;
    std::size_t callers = 1;
    std::chrono::duration<double> time{10};  // in which calls are begun, unless `calls` is set
    std::uint64_t calls = 0;                 // so many in all; 0: as many as `time` allows
    double rate = 0;                         // calls a second in all; 0: the next when one is done
};

struct BenchResult {
    telemetry::LatencyHistogram latency;       // of good calls; with a rate from when one was due
    telemetry::LatencyHistogram first_output;  // stream: to the first output event
    std::map<std::string, std::uint64_t> errors;  // by code
    std::uint64_t good = 0;
    std::uint64_t failed = 0;
    std::uint64_t outputs = 0;  // stream: output events of all
    double seconds = 0;
    bool interrupted = false;
};

/// How one call ended.
struct BenchCall {
    std::string error;  // its code; empty: good
    std::string message;
    std::uint64_t outputs = 0;
    std::chrono::steady_clock::time_point first_output;
};

/// Loads a server from one thread: as many callers as the plan says, each with a connection of its
/// own. With a rate, calls are due at fixed times whatever the server does: one that finds every
/// caller busy waits, and its wait counts.
class BenchLoad {
  public:
    explicit BenchLoad(BenchPlan plan) : plan_(std::move(plan)) {}

    /// One call alone, so that a mistake shows as itself and not as thousands of errors.
    Result<void> try_one() const;
    /// All of it. `on_tick` hears a few times a second how far it is. SIGINT and SIGTERM end it
    /// early, with what there is.
    BenchResult run(const std::function<void(const BenchResult&)>& on_tick) const;

  private:
    BenchPlan plan_;
};

/// What an answer that is no event stream means: the error's code, "promoted" where the wait ran
/// out and the job goes on, or "" where all is well.
BenchCall judge_answer(BenchMode mode, int status, std::string_view body);

}  // namespace headrace::main
