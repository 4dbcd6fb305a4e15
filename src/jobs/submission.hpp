#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/events.hpp"
#include "jobs/job.hpp"

namespace headrace::jobs {

/// What an adapter hands to the core: validated against the version's interface, media resolved to
/// blobs, nothing of the wire left.
struct Submission {
    TenantId tenant;
    std::string caller;
    VersionPtr version;
    JobClass job_class = JobClass::durable;
    Payload input;
    std::uint8_t priority = 5;
    std::int64_t timeout_ms = 0;
    std::int64_t ttl_ms = 0;
    WallMs deadline_at = 0;
    std::optional<Idempotency> idempotency;
    std::string traceparent;
    bool session = false;
    /// Set by the core when a caller runs an ended job again.
    std::optional<JobId> retry_of;
    /// Subscribed before the job can start, so that no event is missed. May be null.
    std::shared_ptr<JobWatcher> watcher;
};

struct Accepted {
    JobId id;
    JobView view;         // of an interactive job empty: nobody is shown it before its end
    bool replay = false;  // the job of an earlier request with the same idempotency key
};

/// Whose jobs a call may see: all of the tenant, or only those of `caller`. What is outside is
/// not_found.
struct Scope {
    TenantId tenant;
    std::optional<std::string> caller;
};

struct CancelOutcome {
    bool was_running = false;  // pushed to the engine; the job ends when the engine has stopped
    JobView view;
};

struct WatchTicket {
    JobId job;
    std::uint64_t number = 0;
};

/// A successful end, as the worker tells it.
struct Completion {
    Payload output;
    std::vector<FileRecord> files;  // media of the output, already in the blob store
    Usage usage;
};

}  // namespace headrace::jobs
