#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jobs/observer.hpp"
#include "jobs/samples.hpp"

namespace headrace::jobs {

/// A job has changed its state.
struct StateChange {
    JobId id;
    std::string capability;  // name@version
    JobState state = JobState::queued;
    WallMs at = 0;
};

/// Listens to the core for those who look at the server: keeps samples, hands state changes to
/// whoever has asked for them, and passes everything on. On the core's loop.
class Activity final : public ObserverRelay {
  public:
    /// Who is behind by more loses the newest until it takes what there is.
    static constexpr std::size_t kChanges = 256;
    static constexpr std::size_t kReaders = 32;
    using Reader = std::uint64_t;

    Activity(const Clock& clock, CoreObserver& next) : ObserverRelay(next), clock_(clock) {}

    Samples& samples() { return samples_; }

    /// Changes of one tenant's jobs, or of all; nullopt when there are too many readers.
    std::optional<Reader> open(std::optional<TenantId> tenant);
    void close(Reader reader);
    /// What has come since the last call, oldest first.
    std::vector<StateChange> take(Reader reader);

    void job_accepted(const JobRecord& job) override;
    void job_started(const JobRecord& job, const std::string& worker,
                     std::chrono::nanoseconds waited) override;
    void job_requeued(const JobRecord& job, const std::string& reason) override;
    void job_ended(const JobRecord& job, std::chrono::nanoseconds ran) override;

  private:
    struct Entry {
        Reader number = 0;
        std::optional<TenantId> tenant;
        std::vector<StateChange> changes;
    };
    void changed(const JobRecord& job, JobState state) {
        if (!readers_.empty()) tell(job, state);
    }
    void tell(const JobRecord& job, JobState state);

    const Clock& clock_;
    Samples samples_;
    std::vector<Entry> readers_;
    Reader last_ = 0;
};

}  // namespace headrace::jobs
