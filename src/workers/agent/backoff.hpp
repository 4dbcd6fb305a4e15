#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace headrace::workers::agent {

/// Pauses between attempts to dial: twice as long each time, up to a bound, each somewhere between
/// half of it and all of it so that many agents do not come back at once.
class Backoff {
  public:
    using Milliseconds = std::chrono::milliseconds;
    Backoff(Milliseconds first, Milliseconds most, std::uint64_t seed)
        : first_(first), most_(most), next_(first), random_(seed) {}

    Milliseconds pause() {
        const Milliseconds whole = next_;
        next_ = std::min(next_ * 2, most_);
        std::uniform_int_distribution<std::int64_t> some(whole.count() / 2, whole.count());
        return Milliseconds(some(random_));
    }
    void reset() { next_ = first_; }

  private:
    Milliseconds first_;
    Milliseconds most_;
    Milliseconds next_;
    std::minstd_rand random_;
};

}  // namespace headrace::workers::agent
