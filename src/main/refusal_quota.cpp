#include "main/refusal_quota.hpp"

#include <utility>

namespace headrace::main {

std::optional<std::uint64_t> RefusalQuota::admit(const std::string& key, WallMs now) {
    constexpr WallMs kMinute = 60'000;
    const std::int64_t minute = now / kMinute;
    if (counts_.size() >= kMostKeys && !counts_.contains(key)) {
        std::erase_if(counts_, [&](const auto& each) { return each.second.minute != minute; });
        if (counts_.size() >= kMostKeys) return std::nullopt;
    }
    Count& count = counts_[key];
    if (count.minute != minute) {
        count.minute = minute;
        count.written = 0;
    }
    if (count.written >= kPerMinute) {
        ++count.left_out;
        return std::nullopt;
    }
    ++count.written;
    return std::exchange(count.left_out, 0);
}

}  // namespace headrace::main
