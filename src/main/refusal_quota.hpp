#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"

namespace headrace::main {

/// Lets so many refusals of each key into the request log in a minute: a caller that asks again and
/// again at once must not fill a disk. Pure.
class RefusalQuota {
  public:
    static constexpr std::uint32_t kPerMinute = 60;
    static constexpr std::size_t kMostKeys = 10'000;

    /// How many of the key were left out since its last line; nothing: this one is left out, too.
    std::optional<std::uint64_t> admit(const std::string& key, WallMs now);

  private:
    struct Count {
        std::int64_t minute = 0;
        std::uint32_t written = 0;
        std::uint64_t left_out = 0;
    };
    std::unordered_map<std::string, Count> counts_;
};

}  // namespace headrace::main
