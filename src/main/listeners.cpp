#include "main/listeners.hpp"

#include <utility>

namespace headrace::main {

Result<std::unique_ptr<Listeners>> Listeners::make(const Parts& parts, const TraceSettings& traces,
                                                   const RequestLogSettings& requests) {
    std::unique_ptr<Listeners> out(new Listeners);
    jobs::CoreObserver* next = &parts.next;
    if (!traces.endpoint.empty()) {
        out->tracer_ =
            std::make_unique<Tracer>(parts.clock, traces.ratio, traces.gen_ai, parts.next);
        auto exporter = TraceExporter::make(traces, *out->tracer_, parts.registry, parts.loop);
        if (!exporter) return fail(std::move(exporter.error()));
        out->exporter_ = std::move(*exporter);
        next = out->tracer_.get();
    }
    std::unique_ptr<RequestLog> log;
    if (requests.enabled) {
        auto opened = RequestLog::open(requests, parts.registry, parts.clock, &parts.keys);
        if (!opened) return fail(std::move(opened.error()));
        log = std::move(*opened);
    }
    out->calls_ = std::make_unique<LlmCalls>(parts.registry, std::move(log), *next);
    return out;
}

access::OnRefusal Listeners::on_refusal() {
    if (!calls_->logs()) return {};
    return [calls = calls_.get()](access::Refusal what) { calls->refused(std::move(what)); };
}

void Listeners::upstream_called(const JobId& job, const upstreams::UpstreamSpec& server) {
    calls_->server_called(job, server.name);
    if (tracer_) tracer_->server_called(job, server.base_url);
}

}  // namespace headrace::main
