#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "jobs/observer.hpp"
#include "main/llm_calls.hpp"
#include "main/settings.hpp"
#include "main/trace_exporter.hpp"
#include "main/tracer.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::main {

/// Who hears of the core's jobs before `next`: calls of language models, then spans where there is
/// a collector. On the core's loop.
class Listeners {
  public:
    struct Parts {
        const Clock& clock;
        telemetry::Registry& registry;
        Loop& loop;  // the core's
        jobs::CoreObserver& next;
        const access::KeyRing& keys;
    };
    /// Error: an endpoint that is none, or a request log that cannot be written.
    static Result<std::unique_ptr<Listeners>> make(const Parts& parts, const TraceSettings& traces,
                                                   const RequestLogSettings& requests);

    [[nodiscard]] jobs::CoreObserver& first() { return *calls_; }
    /// Null: there is no collector.
    [[nodiscard]] TraceExporter* exporter() { return exporter_.get(); }
    /// For the dialects; empty where nobody writes it down. Outlived by this.
    [[nodiscard]] access::OnRefusal on_refusal();
    /// A job goes to a server that we dial.
    void upstream_called(const JobId& job, const upstreams::UpstreamSpec& server);

  private:
    Listeners() = default;

    std::unique_ptr<Tracer> tracer_;
    std::unique_ptr<TraceExporter> exporter_;
    std::unique_ptr<LlmCalls> calls_;
};

}  // namespace headrace::main
