#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "jobs/ports.hpp"

namespace headrace::stores {

/// Blobs in memory, for tests. Answers on the calling loop; inside the call where there is none.
/// Thread-safe.
class MemoryBlobStore final : public jobs::BlobStore {
  public:
    Result<std::unique_ptr<jobs::BlobSink>> create(const TenantId& tenant) override;
    void open(const TenantId& tenant, const jobs::BlobRef& blob,
              jobs::Done<std::unique_ptr<jobs::BlobSource>> done) override;

    /// As a disk below its low-water mark: create() answers `unavailable`.
    void set_full(bool full);
    [[nodiscard]] std::size_t size() const;

  private:
    class Sink;
    class Source;
    struct Shelf {
        std::mutex mutex;  // guards what follows
        std::map<std::pair<std::string, Sha256>, std::shared_ptr<const std::string>> blobs;
        bool full = false;
    };
    std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();  // sinks may outlive the store
};

}  // namespace headrace::stores
