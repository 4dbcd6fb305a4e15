#pragma once

#include <chrono>
#include <string>

#include "jobs/job.hpp"

namespace headrace::jobs {

/// What metrics and the log listen to. Called on the core's loop, inside the core: must be quick
/// and must not call back.
class CoreObserver {
  public:
    virtual ~CoreObserver() = default;
    virtual void job_accepted(const JobRecord&) {}
    /// `waited`: since it was queued, or queued again.
    virtual void job_started(const JobRecord&, const std::string& /*worker*/,
                             std::chrono::nanoseconds /*waited*/) {}
    virtual void job_requeued(const JobRecord&, const std::string& /*reason*/) {}
    /// `ran`: time of the last lease; zero when it never had one.
    virtual void job_ended(const JobRecord&, std::chrono::nanoseconds /*ran*/) {}
    virtual void refused(const std::string& /*capability*/, ErrorCode) {}
    virtual void late_result(const JobId&, const std::string& /*worker*/) {}
    virtual void worker_attached(const WorkerId&, const std::string& /*name*/) {}
    virtual void worker_lost(const WorkerId&, const std::string& /*name*/,
                             const std::string& /*reason*/) {}
    virtual void cancel_sent(const JobRecord&) {}
};

}  // namespace headrace::jobs
