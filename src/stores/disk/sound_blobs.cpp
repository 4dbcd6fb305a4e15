#include "stores/disk/sound_blobs.hpp"

namespace headrace::stores {
namespace {
// Some 4 MB. Beyond it all is forgotten, and read again when it is opened.
constexpr std::size_t kMost = 65'536;
}  // namespace

SoundBlobs::Stamp SoundBlobs::stamp_of(const struct stat& status) {
    return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size};
}

void SoundBlobs::note(const struct stat& status) {
    const std::lock_guard lock(mutex_);
    if (by_inode_.size() >= kMost) by_inode_.clear();
    by_inode_[status.st_ino] = stamp_of(status);
}

bool SoundBlobs::has(const struct stat& status) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_inode_.find(status.st_ino);
    return found != by_inode_.end() && found->second == stamp_of(status);
}

}  // namespace headrace::stores
