#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "jobs/events.hpp"
#include "jobs/job.hpp"

namespace headrace::jobs {

/// What the core knows of an ended job beside its record, for the call that takes it only.
struct EndFacts {
    const VersionPtr& version;                    // null: the catalog had none
    const std::shared_ptr<const Payload>& input;  // null: not in memory
    std::chrono::nanoseconds waited{0};           // since it was queued last, to its lease
    /// To the first part of its streamed output, from when it was queued last; none: nobody asked
    /// for parts, or none came.
    std::optional<std::chrono::nanoseconds> first_output{};
    std::chrono::nanoseconds after_first{0};  // from there to the end of its lease
};

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
    /// A part of a streamed output came; for whoever listens to all parts, so it must be cheap.
    virtual void job_output(const JobId&, const VersionPtr&, const OutputEvent&) {}
    /// Right before job_ended().
    virtual void job_measured(const JobRecord&, const EndFacts&) {}
    virtual void refused(const std::string& /*capability*/, ErrorCode) {}
    virtual void late_result(const JobId&, const std::string& /*worker*/) {}
    virtual void worker_attached(const WorkerId&, const std::string& /*name*/) {}
    virtual void worker_lost(const WorkerId&, const std::string& /*name*/,
                             const std::string& /*reason*/) {}
    virtual void cancel_sent(const JobRecord&) {}
};

/// Passes everything on: for who listens to some of it only.
class ObserverRelay : public CoreObserver {
  public:
    explicit ObserverRelay(CoreObserver& next) : next_(next) {}
    void job_accepted(const JobRecord& job) override { next_.job_accepted(job); }
    void job_started(const JobRecord& job, const std::string& worker,
                     std::chrono::nanoseconds waited) override {
        next_.job_started(job, worker, waited);
    }
    void job_requeued(const JobRecord& job, const std::string& reason) override {
        next_.job_requeued(job, reason);
    }
    void job_ended(const JobRecord& job, std::chrono::nanoseconds ran) override {
        next_.job_ended(job, ran);
    }
    void job_output(const JobId& job, const VersionPtr& version, const OutputEvent& part) override {
        next_.job_output(job, version, part);
    }
    void job_measured(const JobRecord& job, const EndFacts& facts) override {
        next_.job_measured(job, facts);
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
    void cancel_sent(const JobRecord& job) override { next_.cancel_sent(job); }

  protected:
    CoreObserver& next_;
};

}  // namespace headrace::jobs
