#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace headrace {

namespace asio = boost::asio;

/// Owns coroutines: every spawn belongs to a group, so that shutdown is one path. Belongs to one
/// loop. A coroutine that ends with an exception is logged with `what` and counted as ended.
///
/// Destroying a group does not wait: co_await join() first, or let the group outlive its loop.
class TaskGroup {
  public:
    explicit TaskGroup(asio::any_io_executor executor);
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    void spawn(std::string_view what, asio::awaitable<void> task);
    /// Asks every running coroutine to end (terminal cancellation of what it waits for).
    void cancel();
    /// Ends when the last coroutine has ended.
    asio::awaitable<void> join();
    [[nodiscard]] std::size_t size() const;

  private:
    struct State;
    asio::any_io_executor executor_;
    std::shared_ptr<State> state_;
};

}  // namespace headrace
