#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "access/limits.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::main {

/// Tells of limits that were met, by whose they are and which. Brought up to date at each scrape,
/// on whichever thread that is; both must outlive the last one.
class LimitMetrics {
  public:
    LimitMetrics(telemetry::Registry& registry, const access::Limiter& limiter);

  private:
    void update();

    const access::Limiter& limiter_;
    std::mutex mutex_;  // guards what follows
    std::array<std::array<telemetry::Counter*, access::kLimitKinds>, access::kLimitScopes> cells_{};
    telemetry::Gauge* subjects_;
};

}  // namespace headrace::main
