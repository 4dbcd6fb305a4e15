#pragma once
// Internal: where log lines go on their way to standard error or a file.

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>

#include <spdlog/sinks/base_sink.h>

#include "base/rotating_file.hpp"

namespace headrace::log {

/// Gathers lines and writes many in one system call: a busy server ends thousands of jobs a second,
/// each with its line. Nothing waits longer than 100 ms; a warning or worse goes out at once with
/// all that came before it. Until gather() every line goes out by itself.
class GatheringSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    /// Call once, before threads start. Starts the thread that writes what has waited, and sees to
    /// it that an exit or a crash loses nothing. Lines for a terminal stay one by one.
    void gather();
    /// In place of standard error. Before gather().
    void write_to(RotatingFile file) { file_ = std::move(file); }

  private:
    void sink_it_(const spdlog::details::log_msg& msg) override;
    void flush_() override;
    void write_late();
    static void on_crash(int signal, siginfo_t* info, void* context);

    std::optional<RotatingFile> file_;
    bool gathering_ = false;
    std::condition_variable waiting_;  // some line waits now
    spdlog::memory_buf_t gathered_;
};

}  // namespace headrace::log
