#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/loop.hpp"
#include "base/unique_function.hpp"
#include "engines/spawn.hpp"

namespace headrace::engines {

/// One child process: reads what it writes to its streams line by line into the log, waits for its
/// end without blocking, ends it when asked to. Belongs to one loop, on whose thread it was
/// spawned.
class Process : public std::enable_shared_from_this<Process> {
  public:
    /// `ended` is called once, with words such as "killed by signal 11" or "exit status 3".
    Process(Loop& loop, Spawned spawned, std::string name, UniqueFunction<void(std::string)> ended);
    void start();

    /// SIGKILL to its whole group; `why` becomes the words of its end.
    void kill(std::string why);
    /// SIGTERM, and SIGKILL after the grace.
    void stop(std::chrono::milliseconds grace);
    /// Looks at its memory every `every`, and kills it beyond `bytes`.
    void limit_memory(std::uint64_t bytes, std::chrono::milliseconds every);
    /// Kills it after `time` unless this is called again with zero.
    void expect_ready(std::chrono::milliseconds time);

    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    struct Stream {
        Stream(Loop& loop, UniqueFd fd) : pipe(loop.io(), fd.release()) {}
        asio::posix::stream_descriptor pipe;
        std::string partial;
    };
    void read(Stream& stream, std::string_view name);
    bool read_some(Stream& stream, std::string_view name);
    void read_rest(Stream& stream, std::string_view name);
    void tell_line(std::string_view stream, std::string_view line);
    void wait_end();
    void on_end();
    void poll_memory();

    Loop& loop_;
    const pid_t pid_;
    const std::string name_;
    UniqueFunction<void(std::string)> ended_;
    asio::posix::stream_descriptor pidfd_;
    Stream output_;
    Stream errors_;
    asio::steady_timer grace_;
    asio::steady_timer ready_;
    asio::steady_timer memory_;
    std::uint64_t memory_limit_ = 0;
    std::chrono::milliseconds memory_every_{0};
    std::string why_;
    bool gone_ = false;
    // Lines beyond kLinesPerSecond in one second are counted and dropped.
    std::chrono::steady_clock::time_point second_{};
    std::uint32_t lines_ = 0;
    std::uint32_t dropped_ = 0;
};

}  // namespace headrace::engines
