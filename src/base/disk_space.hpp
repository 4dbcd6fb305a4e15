#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/clock.hpp"

namespace headrace {

/// When a file system counts as low: below any of the two. 0 switches one off.
struct LowWater {
    std::uint64_t free_bytes = 256ULL << 20;
    double free_percent = 1.0;
};

/// Watches the free space of the file system that holds a folder. Thread-safe.
class DiskSpace {
  public:
    DiskSpace(std::string folder, LowWater mark, const Clock& clock);
    /// Asks the file system at most once a second; false when it does not answer.
    [[nodiscard]] bool low();

  private:
    std::string folder_;
    LowWater mark_;
    const Clock& clock_;
    std::atomic<std::int64_t> asked_at_ns_;
    std::atomic<bool> low_{false};
};

}  // namespace headrace
