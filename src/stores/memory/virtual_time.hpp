#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_function.hpp"

namespace headrace::stores {

/// A clock that stands still, and what is to happen when it moves: for tests and the simulation.
/// Calls that are due at the same instant run in the order in which they were asked for.
class VirtualTime final : public Clock {
  public:
    static constexpr WallMs kStart = 1'700'000'000'000;

    [[nodiscard]] SteadyTime now() const override { return now_; }
    [[nodiscard]] WallMs wall() const override {
        return kStart + wall_jump_ +
               std::chrono::duration_cast<milliseconds>(now_.time_since_epoch()).count();
    }
    /// Moves the wall clock alone, as an administrator or NTP may.
    void jump_wall(milliseconds by) { wall_jump_ += by.count(); }

    /// Runs `call` after `delay`, never inside this call.
    void after(std::chrono::nanoseconds delay, UniqueFunction<void()> call);
    /// When the next call is due; SteadyTime::max() when there is none.
    [[nodiscard]] SteadyTime next() const;
    /// Moves the clock to the next call, unless it is past that, and runs it; false when there is
    /// none.
    bool step();
    /// Moves the clock, running nothing: what is due by then runs late.
    void move_to(SteadyTime time);
    [[nodiscard]] std::size_t pending() const { return calls_.size(); }

  private:
    struct Call {
        SteadyTime due;
        std::uint64_t number;
        std::shared_ptr<UniqueFunction<void()>> run;
        bool operator>(const Call& other) const {
            return due != other.due ? due > other.due : number > other.number;
        }
    };

    SteadyTime now_{};
    WallMs wall_jump_ = 0;
    std::uint64_t numbers_ = 0;
    std::priority_queue<Call, std::vector<Call>, std::greater<>> calls_;
};

}  // namespace headrace::stores
