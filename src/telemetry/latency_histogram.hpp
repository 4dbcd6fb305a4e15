#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace headrace::telemetry {

/// Counts of durations in log-linear buckets, each no wider than 1/64 of its value, from 1 ns to
/// 18 minutes (longer ones count as that). For a program that measures; what a server counts goes
/// through metrics.hpp. Not thread-safe.
class LatencyHistogram {
  public:
    using Duration = std::chrono::nanoseconds;

    void record(Duration taken) {
        const auto value = static_cast<std::uint64_t>(std::max<Duration::rep>(taken.count(), 0));
        ++counts_[index_of(value)];
        ++count_;
        largest_ = std::max(largest_, Duration(static_cast<Duration::rep>(value)));
    }

    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// The longest, to the nanosecond.
    [[nodiscard]] Duration largest() const { return largest_; }

    /// What `share` (0..1) of all took at most; zero when nothing was recorded.
    [[nodiscard]] Duration at(double share) const {
        const double wanted = share * static_cast<double>(count_);
        double seen = 0;
        for (std::size_t i = 0; i < kBuckets; ++i) {
            seen += static_cast<double>(counts_[i]);
            if (counts_[i] > 0 && seen >= wanted) return std::min(Duration(end_of(i)), largest_);
        }
        return largest_;
    }

    /// How many took at least `from` and less than `to`, to the width of a bucket.
    [[nodiscard]] std::uint64_t between(Duration from, Duration to) const {
        std::uint64_t found = 0;
        for (std::size_t i = 0; i < kBuckets; ++i) {
            const Duration at(end_of(i));
            if (at >= from && at < to) found += counts_[i];
        }
        return found;
    }

  private:
    static constexpr unsigned kFine = 6;  // 64 buckets between powers of two
    static constexpr unsigned kTop = 40;
    static constexpr std::size_t kBuckets = (kTop - kFine + 1) << kFine;

    static std::size_t index_of(std::uint64_t value) {
        if (value < (1U << kFine)) return static_cast<std::size_t>(value);
        const auto width = static_cast<unsigned>(std::bit_width(value));
        const unsigned shift = width - kFine - 1;
        const auto index = (static_cast<std::size_t>(shift) << kFine) + (value >> shift);
        return std::min<std::size_t>(index, kBuckets - 1);
    }

    /// The largest value of a bucket.
    static Duration::rep end_of(std::size_t index) {
        if (index < (2U << kFine)) return static_cast<Duration::rep>(index);
        const std::size_t shift = (index >> kFine) - 1;
        const std::uint64_t first = ((index & ((1U << kFine) - 1)) + (1U << kFine)) << shift;
        return static_cast<Duration::rep>(first + (std::uint64_t{1} << shift) - 1);
    }

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kBuckets);
    std::uint64_t count_ = 0;
    Duration largest_{0};
};

}  // namespace headrace::telemetry
