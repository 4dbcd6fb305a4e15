#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "jobs/observer.hpp"
#include "telemetry/otlp.hpp"

namespace headrace::main {

/// Makes spans of what the core tells, and passes everything on:
///
///     job CAPABILITY                 from accepted to ended; below the caller's span, if it sent
///     one ├─ accept                      until it is queued: a durable one is on disk by then ├─
///     queue                       once for each attempt └─ attempt                     a lease:
///     from the grant to its result, or to its loss
///        └─ engine                   the time that the engine says it took
///
/// An unsampled caller (traceparent flags 00) is not traced; of the others and of jobs without one,
/// the share `ratio`, chosen by the trace's id. On the core's loop.
class Tracer final : public jobs::ObserverRelay {
  public:
    /// Spans that nobody has taken are bounded; what comes then is dropped and counted.
    static constexpr std::size_t kMostSpans = 16'384;
    static constexpr std::size_t kMostJobs = 65'536;

    /// `gen_ai`: attempts carry OpenTelemetry's attributes of generative AI.
    Tracer(const Clock& clock, double ratio, bool gen_ai, jobs::CoreObserver& next)
        : ObserverRelay(next), clock_(clock), ratio_(ratio), gen_ai_(gen_ai) {}

    /// The oldest, at most so many.
    std::vector<telemetry::Span> take(std::size_t most);
    [[nodiscard]] std::size_t waiting() const { return spans_.size(); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

    void job_accepted(const jobs::JobRecord& job) override;
    void job_started(const jobs::JobRecord& job, const std::string& worker,
                     std::chrono::nanoseconds waited) override;
    void job_requeued(const jobs::JobRecord& job, const std::string& reason) override;
    void job_ended(const jobs::JobRecord& job, std::chrono::nanoseconds ran) override;
    void job_output(const JobId& job, const jobs::VersionPtr& version,
                    const jobs::OutputEvent& part) override;
    void job_measured(const jobs::JobRecord& job, const jobs::EndFacts& facts) override;
    /// A job's attempt goes to a server that we dial.
    void server_called(const JobId& job, const std::string& base_url);

  private:
    struct Traced {
        telemetry::SpanIds ids;  // of the job's span
        std::uint64_t accepted = 0;
        std::uint64_t queued = 0;
        std::uint64_t started = 0;  // of the attempt that runs; 0: none does
        std::uint32_t attempt = 0;
        std::uint32_t spans = 0;  // children so far, for their ids
        std::string worker;
        telemetry::Attributes server;      // of the attempt that runs
        std::vector<std::string> reasons;  // why a streamed answer ended
        telemetry::Attributes gen_ai;      // once the job has ended
    };
    [[nodiscard]] std::uint64_t now() const;
    Traced* find(const jobs::JobRecord& job);
    Traced* begin(const jobs::JobRecord& job);
    telemetry::Span child(Traced& traced, const char* name, std::uint64_t start, std::uint64_t end);
    void end_attempt(Traced& traced, const jobs::JobRecord& job, const std::string& outcome);
    void add(telemetry::Span span);

    const Clock& clock_;
    const double ratio_;
    const bool gen_ai_;
    std::unordered_map<JobId, Traced> jobs_;
    std::deque<telemetry::Span> spans_;
    std::uint64_t dropped_ = 0;
    mutable SteadyTime anchor_{};
    mutable std::uint64_t anchor_wall_ = 0;
};

}  // namespace headrace::main
