#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "jobs/observer.hpp"
#include "main/llm_metrics.hpp"
#include "main/request_log.hpp"

namespace headrace::main {

/// Picks the calls of language models out of the jobs that end: counts them, and writes them into
/// the request log where there is one. Passes everything on. On the core's loop, unless said.
class LlmCalls final : public jobs::ObserverRelay {
  public:
    /// Whose end never comes (another node has it) is not remembered for ever.
    static constexpr std::size_t kMostCalled = 65'536;
    /// Bytes of parts kept for texts; an answer beyond has none.
    static constexpr std::size_t kMostOfOne = 8 << 20;
    static constexpr std::size_t kMostOfAll = 64 << 20;

    /// `log` may be null.
    LlmCalls(telemetry::Registry& registry, std::unique_ptr<RequestLog> log,
             jobs::CoreObserver& next)
        : ObserverRelay(next), metrics_(registry), log_(std::move(log)) {}

    void job_output(const JobId& job, const jobs::VersionPtr& version,
                    const jobs::OutputEvent& part) override;
    void job_measured(const jobs::JobRecord& job, const jobs::EndFacts& facts) override;
    /// What the attempt streamed was in vain.
    void job_requeued(const jobs::JobRecord& job, const std::string& reason) override;
    /// A call that got no job. Any loop.
    void refused(access::Refusal refusal) {
        if (log_) log_->refused(std::move(refusal));
    }
    [[nodiscard]] bool logs() const { return log_ != nullptr; }
    /// An attempt of it goes to this upstream.
    void server_called(const JobId& job, const std::string& upstream);

  private:
    struct Parts {
        std::vector<std::string> values;
        std::size_t bytes = 0;
        bool whole = true;
    };
    Parts take_parts(const JobId& job);

    LlmMetrics metrics_;
    std::unique_ptr<RequestLog> log_;
    std::unordered_map<JobId, std::string> called_;  // only for the log
    std::unordered_map<JobId, Parts> parts_;         // only for a log with texts
    std::size_t collected_ = 0;                      // bytes in parts_
};

}  // namespace headrace::main
