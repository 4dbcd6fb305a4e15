#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/ports.hpp"

/// How nodes that share one job log hand queued jobs to each other. A job belongs to one node,
/// which alone writes it, or is up for claim. What a node leaves behind when it dies is up for
/// claim once its lease is over.
namespace headrace::jobs {

/// Room for jobs of one version.
struct ClaimWish {
    std::string capability;
    std::string version;
    std::uint32_t most = 1;
};

/// News from other nodes. Called on the loop that listens; a message may be lost with a connection,
/// then missed() is called.
class ClaimListener {
  public:
    virtual ~ClaimListener() = default;
    /// There is something to claim.
    virtual void offered() = 0;
    /// Jobs that were accepted by one node and ended by another.
    virtual void ended(std::vector<JobId> jobs) = 0;
    /// A caller of another node wants a job cancelled that this one has.
    virtual void cancel_asked(TenantId tenant, JobId job) = 0;
    virtual void missed() = 0;
};

class JobClaims {
  public:
    virtual ~JobClaims() = default;
    /// Whether no other node lives on this log. Thread-safe, cheap.
    [[nodiscard]] virtual bool alone() const = 0;
    /// The next jobs for the wishes, by priority, then by the stamp of fair share. They belong to
    /// this node from now on; one that was running has lost its attempt. Inputs stay on disk.
    virtual void claim(std::vector<ClaimWish> wishes, Done<std::vector<JobRecord>> done) = 0;
    /// Takes a job back that is up for claim; empty when it is not, and then, with `cancel`, the
    /// node that has it hears cancel_asked().
    virtual void recall(TenantId tenant, JobId job, bool cancel,
                        Done<std::optional<JobRecord>> done) = 0;
    /// News come to the calling loop until the listener is gone. Once.
    virtual void listen(std::weak_ptr<ClaimListener> listener) = 0;
};

}  // namespace headrace::jobs
