#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "engines/host/job.hpp"

namespace headrace::engines::host {

/// Jobs that one slot runs together. They start once the parts of all have come.
struct Batch {
    std::vector<std::unique_ptr<hr_job>> jobs;
    std::size_t waiting = 0;  // the reader's: jobs whose parts have not all come
};

/// The jobs of this process, by lease. Thread-safe; a job that was found is used under the lock, so
/// that it cannot end meanwhile.
class Registry {
  public:
    void add(const Batch& batch);
    /// Removes them; returns true when none is left.
    bool remove(const Batch& batch);
    void set_running(std::span<hr_job* const> jobs, bool running);
    [[nodiscard]] bool empty() const;

    /// Calls `use(job)` if the lease is known.
    template <class Use>
    void with(const Ref& ref, Use use) {
        const std::lock_guard lock(mutex_);
        if (const auto found = jobs_.find(ref); found != jobs_.end()) use(*found->second);
    }

  private:
    struct Hash {
        std::size_t operator()(const Ref& ref) const noexcept {
            std::size_t random = 0;  // the end of a UUIDv7
            std::memcpy(&random, ref.job.data() + 8, sizeof random);
            return random ^ static_cast<std::size_t>(ref.counter);
        }
    };
    mutable std::mutex mutex_;
    std::unordered_map<Ref, hr_job*, Hash> jobs_;
};

}  // namespace headrace::engines::host
