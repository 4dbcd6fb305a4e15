#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/clock.hpp"

namespace headrace::jobs {

/// What a timer belongs to: its owner derives from Timer and is found by a cast on this.
enum class TimerKind : std::uint8_t {
    job,
    abandoned,
    worker,
    line,
    purge,
    ended,
    usage,
    claims,
    pulse
};

/// A place in the heap, inside the thing that waits. At most one due time each: an owner with
/// several arms the earliest and looks again when it fires.
struct Timer {
    static constexpr std::uint32_t kIdle = std::numeric_limits<std::uint32_t>::max();
    explicit Timer(TimerKind what) : kind(what) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    std::uint32_t position = kIdle;
    TimerKind kind;
};

/// A four-way heap of due times. Arming, moving and disarming are O(log n); nothing is allocated
/// but the array. Timers are not owned: disarm before one dies.
class TimerHeap {
  public:
    /// Sets or moves the due time; SteadyTime::max() disarms.
    void arm(Timer& timer, SteadyTime due);
    void disarm(Timer& timer);
    [[nodiscard]] std::optional<SteadyTime> next() const;
    /// Takes out the earliest timer that is due at `now`, or null.
    Timer* pop_due(SteadyTime now);
    [[nodiscard]] std::size_t size() const { return heap_.size(); }

  private:
    struct Item {
        SteadyTime due;
        Timer* timer;
    };
    void place(std::size_t at, Item item);
    void up(std::size_t at, Item item);
    void down(std::size_t at, Item item);

    std::vector<Item> heap_;
};

}  // namespace headrace::jobs
