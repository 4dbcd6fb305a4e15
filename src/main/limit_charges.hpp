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
class LimitCharges final : public jobs::CoreObserver {
  public:
    struct Parts {
        access::Limiter& limiter;
        access::KeyRing& keys;
        catalog::Catalog& catalog;
    };
    explicit LimitCharges(jobs::CoreObserver& next) : next_(next) {}
    /// Before the first job.
    void begin(const Parts& parts) { parts_.emplace(parts); }

    void job_ended(const jobs::JobRecord& job, std::chrono::nanoseconds ran) override;

    void job_accepted(const jobs::JobRecord& job) override { next_.job_accepted(job); }
    void job_started(const jobs::JobRecord& job, const std::string& worker,
                     std::chrono::nanoseconds waited) override {
        next_.job_started(job, worker, waited);
    }
    void job_requeued(const jobs::JobRecord& job, const std::string& reason) override {
        next_.job_requeued(job, reason);
    }
    void refused(const std::string& capability, ErrorCode code) override {
        next_.refused(capability, code);
    }
    void late_result(const JobId& job, const std::string& worker) override {
        next_.late_result(job, worker);
    }
    void worker_attached(const WorkerId& id, const std::string& name) override {
        next_.worker_attached(id, name);
    }
    void worker_lost(const WorkerId& id, const std::string& name,
                     const std::string& reason) override {
        next_.worker_lost(id, name, reason);
    }
    void cancel_sent(const jobs::JobRecord& job) override { next_.cancel_sent(job); }

  private:
    jobs::CoreObserver& next_;
    std::optional<Parts> parts_;
};

}  // namespace headrace::main
