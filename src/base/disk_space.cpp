#include "base/disk_space.hpp"

#include <sys/statvfs.h>

#include <limits>
#include <utility>

namespace headrace {

namespace {
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kSecond = 1'000'000'000;
}  // namespace

DiskSpace::DiskSpace(std::string folder, LowWater mark, const Clock& clock)
    : folder_(std::move(folder)), mark_(mark), clock_(clock), asked_at_ns_(kNever) {}

bool DiskSpace::low() {
    const std::int64_t now = clock_.now().time_since_epoch().count();
    std::int64_t before = asked_at_ns_.load(std::memory_order_relaxed);
    const bool due = before == kNever || now - before >= kSecond;
    // One of the callers asks; the others take the last answer.
    if (due && asked_at_ns_.compare_exchange_strong(before, now)) {
        struct statvfs status {};
        if (::statvfs(folder_.c_str(), &status) == 0 && status.f_blocks > 0) {
            const auto free = static_cast<double>(status.f_bavail);
            const double percent = 100.0 * free / static_cast<double>(status.f_blocks);
            const double bytes = free * static_cast<double>(status.f_frsize);
            low_ = bytes < static_cast<double>(mark_.free_bytes) || percent < mark_.free_percent;
        }
    }
    return low_.load(std::memory_order_relaxed);
}

}  // namespace headrace
