#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "jobs/ports.hpp"
#include "stores/disk/blob_store.hpp"

namespace headrace::stores {

/// Finds and removes blobs that nothing refers to; see DiskBlobStore. It remembers since when it
/// has seen each one without a reference; a restart forgets that, which only makes it wait longer.
class BlobSweep {
  public:
    BlobSweep(std::string root, std::chrono::minutes age, const Clock& clock, std::mutex& place);
    /// Blocking; one at a time.
    Result<Swept> run(jobs::BlobReferences& references);

  private:
    struct Candidate {
        std::string path;
        Sha256 digest{};
    };
    Result<void> tenant(const std::string& folder, const TenantId* tenant,
                        jobs::BlobReferences& references, Swept& swept);
    Result<void> look(const Candidate& blob, const TenantId* tenant,
                      jobs::BlobReferences& references, Swept& swept);
    [[nodiscard]] bool is_old(const std::string& path) const;
    void remove(const Candidate& blob, Swept& swept);

    std::string root_;
    std::chrono::milliseconds age_;
    const Clock& clock_;
    std::mutex& place_;
    std::map<std::string, WallMs> unreferenced_since_;  // by path
    std::map<std::string, WallMs> seen_now_;            // of the running sweep
};

}  // namespace headrace::stores
