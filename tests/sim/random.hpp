#pragma once

#include <chrono>
#include <cstdint>

namespace headrace::sim {

/// The one source of chance of a run (splitmix64): a seed says everything that happens.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}

    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }
    /// 0 .. n-1
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(next() % n); }
    bool chance(std::uint32_t percent) { return below(100) < percent; }
    std::chrono::microseconds between_us(std::uint32_t low, std::uint32_t high) {
        return std::chrono::microseconds(low + below(high - low + 1));
    }
    std::chrono::milliseconds between(std::uint32_t low, std::uint32_t high) {
        return std::chrono::milliseconds(low + below(high - low + 1));
    }

  private:
    std::uint64_t state_;
};

}  // namespace headrace::sim
