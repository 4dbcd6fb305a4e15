#include "upstreams/upstream_metrics.hpp"

namespace headrace::upstreams {

UpstreamMetrics::UpstreamMetrics(telemetry::Registry& registry)
    : calls_(registry.counter("headrace_upstream_calls_total",
                              "Calls of upstreams, by how they ended", {"upstream", "outcome"})),
      probes_(registry.counter("headrace_upstream_probes_total",
                               "Times an upstream was asked how it is", {"upstream", "outcome"})),
      in_flight_(registry.gauge("headrace_upstream_calls_in_flight", "Calls that an upstream is at",
                                {"upstream"})),
      state_(registry.gauge(
          "headrace_upstream_state",
          "Health of an upstream: 0 disabled, 1 up, 2 paused, 3 circuit open, 4 starting",
          {"upstream"})),
      first_byte_(registry.histogram("headrace_upstream_first_byte_seconds",
                                     "From a call's request to the first byte of its answer",
                                     {"upstream"})),
      retries_(registry.counter("headrace_upstream_retries_total",
                                "Calls that went to another upstream after this one failed",
                                {"upstream"})) {}

UpstreamMetrics::Cells UpstreamMetrics::cells_of(const UpstreamSpec& spec) {
    // Tenants have names of their own: two of the same name are told apart, the system's is bare.
    const std::string full =
        spec.tenant.name == "system" ? spec.name : spec.tenant.name + "/" + spec.name;
    const std::string label = cap_(full);
    const auto found = known_.find(label);
    if (found != known_.end()) return found->second;
    Cells cells;
    cells.calls[0] = &calls_.cell({label, "ok"});
    for (std::size_t i = 1; i < kOutcomes; ++i) {
        cells.calls[i] = &calls_.cell({label, std::string(to_string(static_cast<Fault>(i - 1)))});
    }
    cells.probes[0] = &probes_.cell({label, "answered"});
    cells.probes[1] = &probes_.cell({label, "failed"});
    cells.in_flight = &in_flight_.cell({label});
    cells.state = &state_.cell({label});
    cells.first_byte = &first_byte_.cell({label});
    cells.retries = &retries_.cell({label});
    known_.emplace(label, cells);
    return cells;
}

}  // namespace headrace::upstreams
