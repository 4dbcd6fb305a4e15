#pragma once
// Internal: what the room takes from outside besides its Parts: time that passes, and chance.
// The simulation's build has both from the run, so that a seed replays.

#include <chrono>
#include <cstdint>

#include <boost/asio/steady_timer.hpp>

#ifdef HEADRACE_PLANTED_BUGS
#include <functional>
#include <memory>
#include <utility>

#include "base/unique_function.hpp"
#else
#include <random>
#endif

namespace headrace::upstreams {

namespace asio = boost::asio;

#ifdef HEADRACE_PLANTED_BUGS
/// The part of a steady_timer that the room uses. Its end comes when the simulation says so, and
/// looks like a cancel.
class Timer {
  public:
    static inline std::function<void(std::chrono::nanoseconds, UniqueFunction<void()>)> after;

    explicit Timer(asio::io_context& io) : bell_(std::make_shared<Bell>(io)) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { cancel(); }

    void expires_after(std::chrono::nanoseconds time) {
        bell_->timer.expires_at(asio::steady_timer::time_point::max());
        const auto turn = ++bell_->turn;
        after(time, [weak = std::weak_ptr(bell_), turn] {
            const auto bell = weak.lock();
            if (bell && bell->turn == turn) bell->timer.cancel();
        });
    }
    void cancel() { bell_->timer.cancel(); }
    template <class Token>
    auto async_wait(Token&& token) {
        return bell_->timer.async_wait(std::forward<Token>(token));
    }

  private:
    struct Bell {
        explicit Bell(asio::io_context& io) : timer(io) {}
        asio::steady_timer timer;
        std::uint64_t turn = 0;
    };
    std::shared_ptr<Bell> bell_;
};

inline std::uint32_t simulated_chance = 1;
inline std::uint32_t first_chance() {
    return simulated_chance;
}
#else
using Timer = asio::steady_timer;

inline std::uint32_t first_chance() {
    return std::random_device{}();
}
#endif

}  // namespace headrace::upstreams
