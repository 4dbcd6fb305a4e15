#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "base/unique_function.hpp"
#include "jobs/ports.hpp"

namespace headrace::stores {

/// How long ended jobs and what belongs to them are kept. 0 = for ever. Files carry their own end.
struct Retention {
    std::chrono::hours results{7 * 24};  // output, media and the input kept for a retry
    std::chrono::hours jobs{30 * 24};    // the job itself
    std::chrono::hours usage{400 * 24};
    std::chrono::hours idempotency{24};  // how long a key stands; never 0
};

/// What one sweep removed.
struct Expired {
    std::uint64_t results = 0;
    std::uint64_t jobs = 0;
    std::uint64_t usage = 0;
    std::uint64_t files = 0;
    std::uint64_t idempotency_keys = 0;
};

/// What one commit took, for metrics. Called on the committer's thread; must be quick.
using CommitObserver =
    UniqueFunction<void(std::size_t changes, std::chrono::microseconds duration, bool stored)>;

/// A job log as the program runs it: the port, and what only its owner asks. Callable from any
/// thread; answers on the calling loop, which must outlive it.
class JobStore : public jobs::JobLog {
  public:
    /// Removes what is past its time, in small steps between the commits; call every few minutes.
    virtual void expire(WallMs now, jobs::Done<Expired> done) = 0;
    /// False from a commit that failed until one succeeds. Thread-safe.
    [[nodiscard]] virtual bool writable() const = 0;
    /// For the sweep of blobs; a connection of its own.
    virtual Result<std::unique_ptr<jobs::BlobReferences>> references() const = 0;
};

}  // namespace headrace::stores
