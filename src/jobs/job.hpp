#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace headrace::catalog {
struct Version;
}

namespace headrace::jobs {

using VersionPtr = std::shared_ptr<const catalog::Version>;

/// queued -> running -> (succeeded | failed | cancelled | expired); running -> queued when a lease
/// is lost or an automatic attempt follows. A terminal state never changes.
enum class JobState : std::uint8_t { queued, running, succeeded, failed, cancelled, expired };
[[nodiscard]] constexpr bool is_terminal(JobState state) {
    return state >= JobState::succeeded;
}
std::string_view to_string(JobState state);
std::optional<JobState> job_state_from(std::string_view word);

/// interactive: the answer goes to the connection that asked; in memory, no disk on its path.
/// durable: on disk before the caller learns the id; ends exactly once.
enum class JobClass : std::uint8_t { interactive, durable };

/// Orders the leases of all server lives: `epoch` rises at every start (fsynced), `counter` at
/// every lease. A frame that carries an older fence than the job's is refused.
struct Fence {
    std::uint64_t epoch = 0;
    std::uint64_t counter = 0;
    auto operator<=>(const Fence&) const = default;
};

/// Content of a tenant, named by its digest.
struct BlobRef {
    Sha256 digest{};
    std::uint64_t size = 0;
    bool operator==(const BlobRef&) const = default;
};

/// Input or output of a job: a serialized catalog::Values, which the core never opens, and the
/// blobs it refers to, depth first. Values above kInlineBytes lie in a blob of their own
/// (`spilled`).
struct Payload {
    static constexpr std::size_t kInlineBytes = 64 * 1024;
    std::string values;
    std::optional<BlobRef> spilled;
    std::vector<BlobRef> media;
    [[nodiscard]] std::size_t bytes() const {
        return values.size() + media.size() * sizeof(BlobRef);
    }
};

struct Progress {
    double fraction = -1;  // 0..1, negative = unknown
    std::string message;
    std::string values;  // serialized progress outputs
};

/// Why a job did not succeed. `code` is an ErrorCode word or one of the interface's own.
/// reason: "dead" (attempts used up), "timeout", "ttl", "deadline", "cancelled", "lost", "purged",
/// or empty.
struct JobError {
    std::string code;
    std::string message;
    std::string reason;
    bool retryable = false;
    int retry_after_s = 0;  // when another job may fare better, 1..kMostRetryAfter; 0 = not said

    static constexpr int kMostRetryAfter = 3'600;
};

struct Meter {
    std::string name;
    double value = 0;
};

/// What one job consumed, over all its attempts.
struct Usage {
    std::vector<Meter> meters;
    std::uint64_t engine_us = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

/// One run of the job by a worker. outcome: "running", "succeeded", "failed", "lost", "cancelled",
/// "timeout", "expired".
struct Attempt {
    std::uint32_t number = 0;
    std::string worker;
    Fence fence;
    WallMs started_at = 0;
    WallMs finished_at = 0;
    std::string outcome;
};

/// What a caller asked to have made idempotent: the key, and the digest of the parsed body.
struct Idempotency {
    std::string key;
    Sha256 body{};
};

/// Everything a job is, as it is stored and shown. Times are wall milliseconds; 0 = not set.
struct JobRecord {
    JobId id;
    TenantId tenant;
    std::string caller;      // id of the key that asked
    std::string capability;  // name
    std::string version;     // SemVer
    /// The version's catalog::VersionId, for tables by number; 0: the catalog had none, or the
    /// record comes from a store.
    std::uint32_t version_id = 0;
    JobClass job_class = JobClass::durable;
    JobState state = JobState::queued;
    std::uint8_t priority = 5;  // 0..9, higher first
    WallMs created_at = 0;
    WallMs started_at = 0;  // of the first attempt
    WallMs finished_at = 0;
    std::int64_t timeout_ms = 0;  // run time of one attempt, 0 = the version's default
    std::int64_t ttl_ms = 0;      // time in the queue, 0 = none
    WallMs deadline_at = 0;       // total, 0 = none
    std::uint32_t attempt = 0;    // number of the current or last attempt
    bool leased_alone = false;    // shared a crash: is not batched with others again
    Fence fence;                  // of the current or last lease
    std::vector<Attempt> attempts;
    std::optional<JobId> retry_of;
    std::string traceparent;
    bool session = false;
    std::optional<Idempotency> idempotency;
    std::shared_ptr<const Payload> input;   // null when removed, or on disk only
    std::shared_ptr<const Payload> output;  // null before the end, and when removed
    bool output_removed = false;
    Progress progress;
    std::optional<JobError> error;
    Usage usage;
    /// Virtual start time of fair share, stamped when the job was accepted.
    double share_stamp = 0;
};

/// Where a queued job stands: `position` counts from 1; `estimate_s` < 0 when nothing is known.
struct QueuePlace {
    std::uint64_t position = 0;
    double estimate_s = -1;
};

/// A snapshot for a caller; the record is shared with whoever else has it.
struct JobView {
    std::shared_ptr<const JobRecord> record;  // never null
    std::optional<QueuePlace> queue;
};

/// A file that a caller uploaded or a job produced.
struct FileRecord {
    FileId id;
    TenantId tenant;
    std::string owner;  // id of the key
    BlobRef blob;
    std::string content_type;
    std::string name;
    WallMs created_at = 0;
    WallMs expires_at = 0;
    std::optional<JobId> job;  // the job that produced it
    std::string purpose;       // what a caller keeps it for; empty: it shows in no list
};

/// Written once per finished job, by the core; statistics and metering only read it.
struct UsageRecord {
    JobId job;
    TenantId tenant;
    std::string caller;
    std::string capability;
    std::string version;
    JobState state = JobState::succeeded;
    std::uint32_t attempts = 0;
    std::int64_t queued_ms = 0;
    std::int64_t run_ms = 0;
    Usage usage;
    WallMs finished_at = 0;
};

}  // namespace headrace::jobs
