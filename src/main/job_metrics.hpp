#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "jobs/observer.hpp"
#include "main/name_pair.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::main {

/// Turns what the core tells into counts and log lines. Belongs to the core's loop.
///
/// Every (capability, version) has its cells made once; they are found by the version's number.
class JobMetrics final : public jobs::CoreObserver {
  public:
    JobMetrics(telemetry::Registry& registry, std::size_t tenants);
    /// From here on a worker that goes is no news.
    void stopping() { stopping_ = true; }

    void job_accepted(const jobs::JobRecord& job) override;
    void job_started(const jobs::JobRecord& job, const std::string& worker,
                     std::chrono::nanoseconds waited) override;
    void job_requeued(const jobs::JobRecord& job, const std::string& reason) override;
    void job_ended(const jobs::JobRecord& job, std::chrono::nanoseconds ran) override;
    void refused(const std::string& capability, ErrorCode code) override;
    void late_result(const JobId& job, const std::string& worker) override;
    void worker_attached(const WorkerId& id, const std::string& name) override;
    void worker_lost(const WorkerId& id, const std::string& name,
                     const std::string& reason) override;
    void cancel_sent(const jobs::JobRecord& job) override;

  private:
    static constexpr std::size_t kStates = 6;
    struct Cells {
        telemetry::Counter* accepted[2];  // by JobClass
        telemetry::Counter* ended[kStates];
        telemetry::Counter* requeued;
        telemetry::Histogram* wait;
        telemetry::Histogram* run;
    };
    struct Tenant {
        std::string name;
        telemetry::Counter* ended;
    };
    Cells& cells_of(const jobs::JobRecord& job);
    Cells& find_cells(const jobs::JobRecord& job);
    Tenant& tenant_of(const TenantId& tenant);
    telemetry::Counter& cell(std::map<std::string, telemetry::Counter*>& cache,
                             telemetry::Family<telemetry::Counter>& family,
                             const std::string& label);

    telemetry::Family<telemetry::Counter>& accepted_;
    telemetry::Family<telemetry::Counter>& ended_;
    telemetry::Family<telemetry::Counter>& requeued_;
    telemetry::Family<telemetry::Counter>& refused_;
    telemetry::Family<telemetry::Counter>& tenant_ended_;
    telemetry::Family<telemetry::Histogram>& wait_;
    telemetry::Family<telemetry::Histogram>& run_;
    telemetry::Counter& late_;
    telemetry::Counter& cancels_;
    telemetry::Counter& attached_;
    telemetry::Counter& lost_;
    NamePairTable<Cells> versions_;  // by capability and version
    std::map<std::string, Tenant, std::less<>> tenants_;
    std::map<std::string, telemetry::Counter*> refusals_;
    std::vector<Cells*> by_number_;  // of a version; null: not seen yet
    Tenant* last_tenant_ = nullptr;
    telemetry::LabelCap tenant_cap_;
    std::string line_;  // of the log, put together here
    bool stopping_ = false;
};

}  // namespace headrace::main
