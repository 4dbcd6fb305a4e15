#pragma once
// Internal: a wait paired with a timer (Boost 1.81 has no cancel_after).

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.hpp"
#include "base/unique_function.hpp"

namespace headrace::http {

/// Runs a function when its time comes before disarm(). Belongs to one loop.
class Deadline {
  public:
    explicit Deadline(boost::asio::any_io_executor executor);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    /// Replaces what was armed before. Clears expired().
    void arm(SteadyTime at, UniqueFunction<void()> expire);
    void disarm();
    [[nodiscard]] bool expired() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace headrace::http
