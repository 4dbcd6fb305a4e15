#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace headrace::stores {

/// Which files hold what their name says, as far as this process has seen it: written here, or read
/// and digested once. A file that was changed since is not among them. Thread-safe.
class SoundBlobs {
  public:
    void note(const struct stat& status);
    [[nodiscard]] bool has(const struct stat& status) const;

  private:
    struct Stamp {
        std::int64_t seconds = 0;
        std::int64_t nanoseconds = 0;
        std::int64_t size = 0;
        bool operator==(const Stamp&) const = default;
    };
    static Stamp stamp_of(const struct stat& status);

    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, Stamp> by_inode_;
};

}  // namespace headrace::stores
