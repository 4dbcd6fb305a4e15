#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace headrace::workers::hub {

/// Lets through so many per second, in bursts of one second's worth, and counts the rest. Pure.
class RateCap {
  public:
    explicit RateCap(std::uint32_t per_second) : rate_(per_second), left_(per_second) {}

    bool allow(SteadyTime now) {
        const std::chrono::duration<double> passed = now - last_;
        if (passed.count() > 0) {
            left_ = std::min(rate_, left_ + passed.count() * rate_);
            last_ = now;
        }
        if (left_ < 1) {
            ++dropped_;
            return false;
        }
        left_ -= 1;
        return true;
    }
    /// How many were dropped since the last call.
    std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }

  private:
    double rate_;
    double left_;
    SteadyTime last_{};
    std::uint64_t dropped_ = 0;
};

}  // namespace headrace::workers::hub
