#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "base/unique_function.hpp"
#include "jobs/job.hpp"

/// What the core needs from the outside. Implementations answer on the loop that made the call (the
/// core's own, for the core), never inside the call itself, and in the order of the calls where
/// that is said.
namespace headrace::jobs {

template <class T>
using Done = UniqueFunction<void(Result<T>)>;

/// One change of one durable job. The store writes the whole of it in one transaction.
struct LogWrite {
    enum class Kind : std::uint8_t {
        accept,         // new row, input, idempotency key; also a promoted job
        attempt,        // state running, attempt and fence
        requeue,        // back to queued: attempts, leased_alone
        release,        // queued, and up for claim by another node where nodes share the log
        finish,         // terminal: state, output, error, files, usage; exactly once
        remove_output,  // result and media gone, the job stays
        usage,          // the usage record of an interactive job; nobody waits for it
    };
    Kind kind = Kind::accept;
    std::shared_ptr<const JobRecord> job;      // as it is after the change
    std::vector<FileRecord> files;             // finish: what the output refers to
    std::shared_ptr<const UsageRecord> usage;  // finish, usage; else null
};

struct JobQuery {
    TenantId tenant{};
    std::optional<std::string> caller{};  // only this caller's jobs
    std::optional<JobState> state{};
    std::string capability{};  // "name" or "name@version", empty = all
    bool dead_only = false;
    std::optional<JobId> before{};  // cursor: jobs older than this one
    std::uint32_t limit = 50;       // 1..200
};

struct UsageQuery {
    TenantId tenant{};
    std::string capability{};  // empty = all
    WallMs from = 0;
    WallMs to = 0;  // 0 = now
    std::optional<JobId> before{};
    std::uint32_t limit = 50;
};

/// Uploads that were given a purpose.
struct FileQuery {
    TenantId tenant{};
    std::optional<std::string> owner{};  // only this key's
    std::string purpose{};               // empty = all that have one without a dot in front
    std::optional<FileId> after{};       // cursor: what stands behind this one in the order
    bool oldest_first = false;
    std::uint32_t limit = 50;
};

/// The durable record of jobs. write() is ordered, and its completions come in the same order,
/// after the data is on disk (fsync); many writes share one commit.
class JobLog {
  public:
    virtual ~JobLog() = default;

    /// Raises and returns the epoch, fsynced. Blocking; at start only.
    virtual Result<std::uint64_t> begin_epoch() = 0;
    /// Hands over every job that has not ended, oldest first, inputs left on disk; one at a time,
    /// since there may be a million. Blocking; at start only.
    using TakeJob = std::function<void(JobRecord)>;
    virtual Result<void> load_open(const TakeJob& take) = 0;

    virtual void write(LogWrite write, Done<void> done) = 0;

    virtual void get(TenantId tenant, JobId id, Done<std::optional<JobRecord>> done) = 0;
    virtual void list(JobQuery query, Done<std::vector<JobRecord>> done) = 0;
    virtual void load_input(TenantId tenant, JobId id,
                            Done<std::shared_ptr<const Payload>> done) = 0;
    /// The job that was accepted under this key within its 24 hours.
    virtual void find_idempotent(TenantId tenant, std::string key,
                                 Done<std::optional<JobRecord>> done) = 0;
    virtual void usage(UsageQuery query, Done<std::vector<UsageRecord>> done) = 0;

    virtual void put_file(FileRecord file, Done<void> done) = 0;
    virtual void get_file(TenantId tenant, FileId id, Done<std::optional<FileRecord>> done) = 0;
    virtual void list_files(FileQuery query, Done<std::vector<FileRecord>> done) = 0;
    virtual void remove_file(TenantId tenant, FileId id, Done<bool> done) = 0;
};

/// Receives one blob piece by piece. Destroying it before finish() leaves nothing behind.
class BlobSink {
  public:
    virtual ~BlobSink() = default;
    /// One at a time: wait for `done` before the next.
    virtual void write(std::string piece, Done<void> done) = 0;
    /// Makes the blob visible and, when asked, fsynced.
    virtual void finish(bool durable, Done<BlobRef> done) = 0;
};

class BlobSource {
  public:
    virtual ~BlobSource() = default;
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// A descriptor of its own when the content lies in a local file, so that it can be sent
    /// without passing through the process; empty otherwise.
    [[nodiscard]] virtual UniqueFd file() const { return {}; }
    /// Up to `count` bytes from `offset`; empty at the end.
    virtual void read(std::uint64_t offset, std::size_t count, Done<std::string> done) = 0;
};

/// Content-addressed, apart for each tenant. Callable from any loop; answers on the calling loop.
class BlobStore {
  public:
    virtual ~BlobStore() = default;
    /// `unavailable` when the disk is below its low-water mark.
    virtual Result<std::unique_ptr<BlobSink>> create(const TenantId& tenant) = 0;
    /// not_found when it is gone; internal when its content does not match its size.
    virtual void open(const TenantId& tenant, const BlobRef& blob,
                      Done<std::unique_ptr<BlobSource>> done) = 0;
};

/// Which blobs some row still refers to; what a blob store asks before it removes one. Blocking;
/// used by one thread at a time.
class BlobReferences {
  public:
    virtual ~BlobReferences() = default;
    /// Every tenant that refers to a blob.
    virtual Result<std::vector<TenantId>> tenants() = 0;
    virtual Result<bool> refers(const TenantId& tenant, const Sha256& digest) = 0;
};

}  // namespace headrace::jobs
