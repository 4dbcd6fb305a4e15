#include "jobs/activity.hpp"

#include <algorithm>
#include <utility>

namespace headrace::jobs {

std::optional<Activity::Reader> Activity::open(std::optional<TenantId> tenant) {
    if (readers_.size() >= kReaders) return std::nullopt;
    readers_.push_back({++last_, std::move(tenant), {}});
    return last_;
}

void Activity::close(Reader reader) {
    std::erase_if(readers_, [reader](const Entry& each) { return each.number == reader; });
}

std::vector<StateChange> Activity::take(Reader reader) {
    for (Entry& each : readers_) {
        if (each.number == reader) return std::exchange(each.changes, {});
    }
    return {};
}

void Activity::tell(const JobRecord& job, JobState state) {
    for (Entry& reader : readers_) {
        if (reader.tenant && *reader.tenant != job.tenant) continue;
        if (reader.changes.size() >= kChanges) continue;
        reader.changes.push_back(
            {job.id, job.capability + '@' + job.version, state, clock_.wall()});
    }
}

void Activity::job_accepted(const JobRecord& job) {
    samples_.accepted(job);
    changed(job, JobState::queued);
    next_.job_accepted(job);
}

void Activity::job_started(const JobRecord& job, const std::string& worker,
                           std::chrono::nanoseconds waited) {
    samples_.started(job, waited);
    changed(job, JobState::running);
    next_.job_started(job, worker, waited);
}

void Activity::job_requeued(const JobRecord& job, const std::string& reason) {
    changed(job, JobState::queued);
    next_.job_requeued(job, reason);
}

void Activity::job_ended(const JobRecord& job, std::chrono::nanoseconds ran) {
    samples_.ended(job, ran);
    changed(job, job.state);
    next_.job_ended(job, ran);
}

}  // namespace headrace::jobs
