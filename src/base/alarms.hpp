#pragma once

#include <chrono>
#include <map>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/unique_function.hpp"

namespace headrace {

namespace asio = boost::asio;

/// Waits of one loop that are mostly rung before their time. One timer serves all of them, and to
/// ring one is no operation of Asio's, as cancelling a timer is. Owns what is to be called, so that
/// a loop that ends drops it. Use on the loop's thread only.
class Alarms final : public asio::execution_context::service {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Waits = std::multimap<Time, UniqueFunction<void()>>;
    using Ticket = Waits::iterator;

    static asio::execution_context::id id;

    /// Of an io_context.
    explicit Alarms(asio::execution_context& context);
    /// `then` is called once, on the loop: at `time`, or soon after ring(); never inside a call.
    Ticket add(Time time, UniqueFunction<void()> then);
    /// The ticket is not to be used again, and neither is one whose time has come.
    void ring(Ticket ticket);

  private:
    void shutdown() override;
    void arm();
    void sound();

    Waits waits_;
    asio::steady_timer timer_;
    Time armed_for_ = Time::max();
    bool over_ = false;
};

}  // namespace headrace
