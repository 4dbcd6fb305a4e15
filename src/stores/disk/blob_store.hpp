#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/disk_space.hpp"
#include "jobs/ports.hpp"

namespace headrace::stores {

struct BlobSettings {
    LowWater low_water;
    unsigned threads = 2;
    std::chrono::minutes sweep_age{60};  // how long nothing must refer to a blob before it goes
};

/// What a sweep did.
struct Swept {
    std::uint64_t removed = 0;
    std::uint64_t bytes = 0;
    std::uint64_t kept = 0;
};

/// Blobs in a local folder: named by tenant and content, so that equal content of a tenant is
/// stored once. A blob becomes visible in one step (rename), after its bytes and then its folder
/// are synced when it is to be durable. Callable from any loop, which must outlive the store;
/// destroy sinks and sources before the store.
///
/// A blob that this process did not write is read and digested when it is first opened, so that
/// damage is an error and never somebody's input.
///
/// The sweep: a blob goes when nothing refers to it now and nothing did at a sweep `sweep_age` ago,
/// and it is itself older than that. Storing content that is there already makes it young again,
/// under the same lock under which the sweep looks a last time: it is never taken from one who just
/// stored it.
class DiskBlobStore final : public jobs::BlobStore {
  public:
    /// Makes the folder, removes what was left unfinished. Blocking. `unavailable` when it cannot.
    static Result<std::unique_ptr<DiskBlobStore>> open(const std::string& root,
                                                       BlobSettings settings, const Clock& clock);
    ~DiskBlobStore() override;

    Result<std::unique_ptr<jobs::BlobSink>> create(const TenantId& tenant) override;
    void open(const TenantId& tenant, const jobs::BlobRef& blob,
              jobs::Done<std::unique_ptr<jobs::BlobSource>> done) override;

    /// Removes what nothing refers to any more; one at a time. `references` must live until `done`.
    void sweep(jobs::BlobReferences& references, jobs::Done<Swept> done);
    /// Below the low-water mark: create() refuses. Thread-safe.
    [[nodiscard]] bool low_on_space();

  private:
    class Core;
    explicit DiskBlobStore(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace headrace::stores
