#pragma once
// Internal: what is counted of each server.

#include <array>
#include <string>

#include "telemetry/metrics.hpp"
#include "upstreams/fault.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::upstreams {

/// Families are made once; a server's cells when it first comes. Beyond a number of servers the
/// rest is counted together as "other".
class UpstreamMetrics {
  public:
    static constexpr std::size_t kMostNames = 1'000;
    static constexpr std::size_t kOutcomes = 7;  // ok, then by Fault

    struct Cells {
        std::array<telemetry::Counter*, kOutcomes> calls{};
        std::array<telemetry::Counter*, 2> probes{};  // answered, failed
        telemetry::Gauge* in_flight = nullptr;
        telemetry::Gauge* state = nullptr;
        telemetry::Histogram* first_byte = nullptr;
        telemetry::Counter* retries = nullptr;  // calls that went on elsewhere after it failed
    };

    explicit UpstreamMetrics(telemetry::Registry& registry);
    Cells cells_of(const UpstreamSpec& spec);
    static std::size_t outcome(const CallError* error) {
        return error ? static_cast<std::size_t>(error->fault) + 1 : 0;
    }

  private:
    telemetry::Family<telemetry::Counter>& calls_;
    telemetry::Family<telemetry::Counter>& probes_;
    telemetry::Family<telemetry::Gauge>& in_flight_;
    telemetry::Family<telemetry::Gauge>& state_;
    telemetry::Family<telemetry::Histogram>& first_byte_;
    telemetry::Family<telemetry::Counter>& retries_;
    telemetry::LabelCap cap_{kMostNames};
    std::map<std::string, Cells> known_;  // a server that comes back counts on
};

}  // namespace headrace::upstreams
