#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "base/unique_function.hpp"

namespace headrace {

namespace asio = boost::asio;

/// One event loop: an io_context that one thread runs. State that belongs to a loop is touched on
/// its thread only; others reach it with post().
///
/// post() gathers: however many functions other threads post between two turns of the loop, they
/// cost it one wake-up.
class Loop {
  public:
    explicit Loop(std::string name);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs until stop(); call from the thread that is to own the loop.
    void run();
    /// Thread-safe. The loop ends after the handler that is running.
    void stop();

    /// Runs `task` on the loop later, in order of posting. Thread-safe.
    void post(UniqueFunction<void()> task);
    /// Runs `task` at once when the caller is on this loop's thread, else as post().
    void dispatch(UniqueFunction<void()> task);

    [[nodiscard]] bool is_current() const { return current() == this; }
    /// The loop whose run() is on this thread's stack, or null.
    static Loop* current();

    asio::io_context& io() { return io_; }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    void drain();

    std::string name_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::mutex mutex_;  // guards inbox_ only; never held while a task runs
    std::vector<UniqueFunction<void()>> inbox_;
};

}  // namespace headrace
