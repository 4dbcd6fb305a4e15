#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace headrace::engines {

/// When a host that has ended is started again. Pure. The first time it is at once; ends that
/// follow each other wait longer and longer: under a second for an engine that works until
/// something kills it, up to half a minute for one that does not even get ready.
class RestartPolicy {
  public:
    using Milliseconds = std::chrono::milliseconds;

    /// The process has ended after `lived`; `ready`: it had offered its slots.
    Milliseconds next(Milliseconds lived, bool ready) {
        if (ready) ends_ = lived >= kHealthy ? 0 : std::min(ends_, kEndsOfReady);
        const Milliseconds most = ready ? kMostOfReady : kMost;
        const std::uint32_t end = ends_++;
        if (end == 0) return Milliseconds(0);
        return std::min(most, kFirst * (1U << std::min<std::uint32_t>(end - 1, 16)));
    }

  private:
    static constexpr Milliseconds kHealthy{10'000};
    static constexpr Milliseconds kFirst{100};
    static constexpr Milliseconds kMostOfReady{200};
    static constexpr std::uint32_t kEndsOfReady = 2;  // then its pause is that long
    static constexpr Milliseconds kMost{30'000};
    std::uint32_t ends_ = 0;
};

}  // namespace headrace::engines
