#pragma once

#include <mutex>
#include <string>

#include "base/digest.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "jobs/job.hpp"
#include "stores/disk/sound_blobs.hpp"

namespace headrace::stores {

/// The blocking steps of one blob's life. Thread rules are the caller's.
class UnfinishedBlob {
  public:
    /// Its file, in the store's folder for unfinished ones, is made at the first write.
    UnfinishedBlob(std::string root, TenantId tenant);
    /// Removes the file unless it was finished.
    ~UnfinishedBlob();

    Result<void> write(const std::string& piece);
    /// Puts it in its place, or makes the one that is there young again, if that is sound. `place`
    /// guards the final folders against the sweep.
    Result<jobs::BlobRef> finish(bool durable, std::mutex& place, SoundBlobs& sound);

    UnfinishedBlob(const UnfinishedBlob&) = delete;
    UnfinishedBlob& operator=(const UnfinishedBlob&) = delete;

  private:
    Result<void> begin();
    /// Whether `path` holds this content already; if so, it is young again.
    Result<bool> renew(const std::string& path, const jobs::BlobRef& blob, bool durable,
                       std::mutex& place, SoundBlobs& sound);

    std::string root_;
    TenantId tenant_;
    std::string path_;
    UniqueFd file_;
    Sha256Stream digest_;
    std::uint64_t size_ = 0;
};

/// not_found when it is gone; internal when its size or content is not `blob`'s. The content is
/// read and digested unless `sound` has it.
Result<UniqueFd> open_blob(const std::string& root, const TenantId& tenant,
                           const jobs::BlobRef& blob, SoundBlobs& sound);
Result<std::string> read_at(int file, std::uint64_t offset, std::size_t count);
Result<void> sync_folder(const std::string& path);

/// `unavailable` with the reason the system gives in errno.
[[nodiscard]] tl::unexpected<Error> disk_error(const std::string& what);

}  // namespace headrace::stores
