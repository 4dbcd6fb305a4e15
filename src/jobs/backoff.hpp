#pragma once

#include <chrono>
#include <cstdint>

namespace headrace::jobs {

/// Exponential pauses with full jitter: the n-th is uniform in (0, min(max, base * 2^(n-1))], so
/// that jobs that failed together do not come back together. Seeded, so that simulations replay.
class Backoff {
  public:
    Backoff(std::chrono::milliseconds base, std::chrono::milliseconds max, std::uint64_t seed)
        : base_(base), max_(max), state_(seed) {}

    /// `n` counts from 1.
    std::chrono::nanoseconds pause(std::uint32_t n) {
        const std::uint32_t doublings = n > 20 ? 20 : (n > 0 ? n - 1 : 0);
        const std::chrono::nanoseconds wide(base_ * (std::int64_t{1} << doublings));
        const std::chrono::nanoseconds most = wide < max_ ? wide : std::chrono::nanoseconds(max_);
        return std::chrono::nanoseconds(
            1 + static_cast<std::int64_t>(
                    next() % static_cast<std::uint64_t>(most.count() > 0 ? most.count() : 1)));
    }

  private:
    std::uint64_t next() {  // splitmix64
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

    std::chrono::milliseconds base_;
    std::chrono::milliseconds max_;
    std::uint64_t state_;
};

}  // namespace headrace::jobs
