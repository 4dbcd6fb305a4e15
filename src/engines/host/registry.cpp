#include "engines/host/registry.hpp"

namespace headrace::engines::host {

void Registry::add(const Batch& batch) {
    const std::lock_guard lock(mutex_);
    for (const auto& job : batch.jobs) jobs_[job->ref] = job.get();
}

bool Registry::remove(const Batch& batch) {
    const std::lock_guard lock(mutex_);
    for (const auto& job : batch.jobs) {
        const auto found = jobs_.find(job->ref);
        if (found != jobs_.end() && found->second == job.get()) jobs_.erase(found);
    }
    return jobs_.empty();
}

void Registry::set_running(std::span<hr_job* const> jobs, bool running) {
    const std::lock_guard lock(mutex_);
    for (auto* job : jobs) job->running = running;
}

bool Registry::empty() const {
    const std::lock_guard lock(mutex_);
    return jobs_.empty();
}

}  // namespace headrace::engines::host
