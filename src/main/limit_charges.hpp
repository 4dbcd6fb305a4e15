#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "jobs/observer.hpp"

namespace headrace::access {
class KeyRing;
class Limiter;
}  // namespace headrace::access
namespace headrace::catalog {
class Catalog;
}

namespace headrace::main {

/// Counts the tokens of a durable job against its caller's limits when it ends: whoever handed it
/// in has no permit any more. (Those of an interactive one are settled by the dialect that waits
/// for it.) Passes everything on to `next`. On the core's loop.
class LimitCharges final : public jobs::ObserverRelay {
  public:
    struct Parts {
        access::Limiter& limiter;
        access::KeyRing& keys;
        catalog::Catalog& catalog;
    };
    explicit LimitCharges(jobs::CoreObserver& next) : ObserverRelay(next) {}
    /// Before the first job.
    void begin(const Parts& parts) { parts_.emplace(parts); }

    void job_ended(const jobs::JobRecord& job, std::chrono::nanoseconds ran) override;

  private:
    std::optional<Parts> parts_;
};

}  // namespace headrace::main
