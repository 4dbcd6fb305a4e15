#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace headrace::telemetry {

/// Counts of durations in half a kilobyte: four buckets between powers of two, from 1 µs to hours.
/// Small enough to keep hundreds, and two can be added. For what a server shows of itself;
/// latency_histogram.hpp is for programs that measure. Not thread-safe.
class LogHistogram {
  public:
    void add(std::chrono::nanoseconds time) {
        const auto us = std::max<std::int64_t>(time.count(), 0) / 1000;
        ++counts_[index_of(static_cast<std::uint64_t>(us))];
        ++count_;
    }
    void merge(const LogHistogram& other) {
        if (other.count_ == 0) return;
        for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
        count_ += other.count_;
    }
    void clear() {
        if (count_ > 0) *this = {};
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }

    /// What `share` (0..1) of all took at most, in milliseconds, to an eighth of the value;
    /// negative when nothing was counted.
    [[nodiscard]] double at_ms(double share) const {
        if (count_ == 0) return -1;
        const double wanted = std::max(share * static_cast<double>(count_), 1.0);
        double seen = 0;
        for (std::size_t i = 0; i < kBuckets; ++i) {
            if (counts_[i] == 0) continue;
            const double here = counts_[i];
            if (seen + here >= wanted) {
                const double part = (wanted - seen) / here;
                return (start_of(i) + part * (start_of(i + 1) - start_of(i))) / 1000;
            }
            seen += here;
        }
        return start_of(kBuckets) / 1000;
    }

  private:
    static constexpr std::size_t kBuckets = 136;

    static std::size_t index_of(std::uint64_t us) {
        if (us < 4) return static_cast<std::size_t>(us);
        const auto shift = static_cast<std::size_t>(std::bit_width(us)) - 3;
        return std::min(shift * 4 + static_cast<std::size_t>(us >> shift), kBuckets - 1);
    }
    /// Where a bucket begins, in microseconds.
    static double start_of(std::size_t index) {
        if (index < 4) return static_cast<double>(index);
        const auto shift = index / 4 - 1;
        return static_cast<double>((index % 4 + 4) << shift);
    }

    std::array<std::uint32_t, kBuckets> counts_{};
    std::uint64_t count_ = 0;
};

}  // namespace headrace::telemetry
