#pragma once

#include <algorithm>
#include <mutex>

#include "base/clock.hpp"

namespace headrace {

/// A wall clock for deciding what is old enough to be removed. It never runs ahead of the time that
/// has really passed since it was made: when somebody sets the machine's clock forward by a day,
/// nothing of a day's keeping is a day older. Set back, it follows at once. What it keeps too long
/// goes after the next start. Thread-safe.
class UnhurriedClock final : public Clock {
  public:
    explicit UnhurriedClock(const Clock& clock)
        : clock_(clock), steady_(clock.now()), wall_(clock.wall()) {}

    [[nodiscard]] SteadyTime now() const override { return clock_.now(); }

    [[nodiscard]] WallMs wall() const override {
        const std::lock_guard lock(mutex_);
        const auto passed = std::chrono::duration_cast<milliseconds>(clock_.now() - steady_);
        wall_ = std::min(clock_.wall(), wall_ + passed.count());
        steady_ += passed;  // what is less than a millisecond is not lost
        return wall_;
    }

  private:
    const Clock& clock_;
    mutable std::mutex mutex_;  // guards what follows
    mutable SteadyTime steady_;
    mutable WallMs wall_;
};

}  // namespace headrace
