#include "jobs/core_tables.hpp"

#include "catalog/version.hpp"
#include "jobs/faults.hpp"

namespace headrace::jobs {

Tenant& CoreTables::tenant_of(const TenantId& id) {
    auto& tenant = tenants_[id.name];
    if (!tenant) {
        tenant = std::make_unique<Tenant>();
        tenant->id = id;
    }
    return *tenant;
}

const std::string* CoreTables::caller_of(const std::string& id) {
    return &*callers_.insert(id).first;
}

Queue* CoreTables::find_queue(const VersionPtr& version) const {
    if (!version || version->id.value >= queue_by_version_.size()) return nullptr;
    return queue_by_version_[version->id.value];
}

Queue& CoreTables::queue_for(const VersionPtr& version) {
    if (Queue* queue = find_queue(version)) return *queue;
    auto queue = std::make_unique<Queue>(version->tenant, version->name, version->semver.text());
    queue->set_version(version);
    queue->capability = &capabilities_[{version->tenant.name, version->name}];
    const std::size_t index = version->id.value;
    if (queue_by_version_.size() <= index) queue_by_version_.resize(index + 1);
    queue_by_version_[index] = queue.get();
    queues_.push_back(std::move(queue));
    return *queues_.back();
}

Queue& CoreTables::parking_queue(const TenantId& tenant, const std::string& name,
                                 const std::string& version) {
    for (const auto& queue : parking_) {
        if (queue->owner == tenant && queue->name == name && queue->semver == version)
            return *queue;
    }
    parking_.push_back(std::make_unique<Queue>(tenant, name, version));
    parking_.back()->capability = &capabilities_[{tenant.name, name}];
    return *parking_.back();
}

Worker* CoreTables::find_worker(const WorkerId& id) const {
    const auto at = workers_.find(id);
    return at == workers_.end() ? nullptr : at->second.get();
}

Job* CoreTables::visible(const Scope& scope, const JobId& id) const {
    Job* job = jobs_.find(id);
    if (!job || job->phase == Phase::accepting) return nullptr;
    return may_see(scope, job->tenant->id, *job->caller) ? job : nullptr;
}

Job* CoreTables::holder(const WorkerId& worker, const JobId& id, const Fence& fence) const {
    Job* job = jobs_.find(id);
    if (!job || job->phase != Phase::running) return nullptr;
    const Lease& lease = job->detail->lease;
    if (planted(Fault::late_result_accepted)) return job;
    return lease.fence == fence && lease.worker->id == worker ? job : nullptr;
}

}  // namespace headrace::jobs
