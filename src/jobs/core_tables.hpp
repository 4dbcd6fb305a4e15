#pragma once

#include <memory>
#include <string>

#include "jobs/core_state.hpp"

namespace headrace::jobs {

/// Finds things in the core's state, makes tables' entries on first use, and renders what is there
/// for callers, operators and the log. Moves no job.
struct CoreTables : CoreState {
    using CoreState::CoreState;

    // core_tables.cpp
    Queue& queue_for(const VersionPtr& version);
    [[nodiscard]] Queue* find_queue(const VersionPtr& version) const;
    /// Where the jobs of a version wait that the catalog does not have.
    Queue& parking_queue(const TenantId& tenant, const std::string& name,
                         const std::string& version);
    Tenant& tenant_of(const TenantId& id);
    const std::string* caller_of(const std::string& id);
    [[nodiscard]] Worker* find_worker(const WorkerId& id) const;
    /// The job in memory, if the scope may see it and its id is out; or null.
    [[nodiscard]] Job* visible(const Scope& scope, const JobId& id) const;
    /// The job whose running lease this is, or null.
    [[nodiscard]] Job* holder(const WorkerId& worker, const JobId& id, const Fence& fence) const;
    static bool may_see(const Scope& scope, const TenantId& tenant, const std::string& caller) {
        return scope.tenant == tenant && (!scope.caller || *scope.caller == caller);
    }

    // core_record.cpp
    [[nodiscard]] JobState state_of(const Job& job) const;
    void fill(JobRecord& record, const Job& job) const;
    [[nodiscard]] std::shared_ptr<JobRecord> record_of(const Job& job) const;
    /// A record for one call of the observer: good until the next one.
    const JobRecord& note(const Job& job);
    [[nodiscard]] JobView view_of(const Job& job) const;
    [[nodiscard]] QueueView view_of(const Queue& queue) const;
    [[nodiscard]] WorkerView view_of(const Worker& worker) const;
    [[nodiscard]] UsageRecord usage_of(const JobRecord& record) const;
};

}  // namespace headrace::jobs
