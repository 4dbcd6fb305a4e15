#include "engines/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.hpp"
#include "engines/memory.hpp"

namespace headrace::engines {
namespace {

constexpr std::uint32_t kLinesPerSecond = 200;
constexpr std::size_t kMostLine = 8 * 1024;

std::string words_of(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED) return fmt::format("exit status {}", info.si_status);
    return fmt::format("killed by signal {}", info.si_status);
}

}  // namespace

Process::Process(Loop& loop, Spawned spawned, std::string name,
                 UniqueFunction<void(std::string)> ended)
    : loop_(loop),
      pid_(spawned.pid),
      name_(std::move(name)),
      ended_(std::move(ended)),
      pidfd_(loop.io(), spawned.pidfd.release()),
      output_(loop, std::move(spawned.output)),
      errors_(loop, std::move(spawned.errors)),
      grace_(loop.io()),
      ready_(loop.io()),
      memory_(loop.io()) {}

void Process::start() {
    read(output_, "stdout");
    read(errors_, "stderr");
    wait_end();
}

void Process::read(Stream& stream, std::string_view name) {
    stream.pipe.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this(), &stream, name](const auto& error) {
                               if (error || self->gone_) return;
                               if (self->read_some(stream, name)) self->read(stream, name);
                           });
}

bool Process::read_some(Stream& stream, std::string_view name) {
    std::array<char, 16 * 1024> buffer;
    const ssize_t got = ::read(stream.pipe.native_handle(), buffer.data(), buffer.size());
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        if (!stream.partial.empty()) tell_line(name, stream.partial);
        stream.partial.clear();
        return false;
    }
    stream.partial.append(buffer.data(), static_cast<std::size_t>(got));
    std::string_view rest = stream.partial;
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        tell_line(name, rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    if (rest.size() > kMostLine) {
        tell_line(name, rest);
        rest = {};
    }
    stream.partial = std::string(rest);
    return true;
}

void Process::read_rest(Stream& stream, std::string_view name) {
    errno = 0;
    while (read_some(stream, name) && errno != EAGAIN) errno = 0;
}

void Process::tell_line(std::string_view stream, std::string_view line) {
    const auto now = std::chrono::steady_clock::now();
    if (now - second_ >= std::chrono::seconds(1)) {
        if (dropped_ > 0)
            log::warn("engine wrote too much engine={} lines_dropped={}", name_, dropped_);
        second_ = now;
        lines_ = dropped_ = 0;
    }
    if (++lines_ > kLinesPerSecond) {
        ++dropped_;
        return;
    }
    log::info("engine says engine={} pid={} stream={} line={}", name_, pid_, stream,
              line.substr(0, kMostLine));
}

void Process::wait_end() {
    pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const auto& error) {
                          if (!error) self->on_end();
                      });
}

void Process::on_end() {
    // What it started must not outlive it. Its group is still its own: it was not reaped yet.
    ::kill(-pid_, SIGKILL);
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0) {
        info.si_code = CLD_KILLED;
        info.si_status = SIGKILL;
    }
    read_rest(output_, "stdout");
    read_rest(errors_, "stderr");
    gone_ = true;
    grace_.cancel();
    ready_.cancel();
    memory_.cancel();
    boost::system::error_code ignored;
    for (auto* fd : {&pidfd_, &output_.pipe, &errors_.pipe}) fd->close(ignored);
    // It may have ended by itself before our kill could: then that is the reason.
    const bool ours = !why_.empty() && info.si_code != CLD_EXITED && info.si_status == SIGKILL;
    ended_(ours ? why_ : words_of(info));
}

void Process::kill(std::string why) {
    if (gone_) return;
    if (why_.empty()) why_ = std::move(why);
    ::kill(-pid_, SIGKILL);
}

void Process::stop(std::chrono::milliseconds grace) {
    if (gone_) return;
    ::kill(pid_, SIGTERM);
    grace_.expires_after(grace);
    grace_.async_wait([self = shared_from_this()](const auto& error) {
        if (!error) self->kill("did not stop in its grace");
    });
}

void Process::limit_memory(std::uint64_t bytes, std::chrono::milliseconds every) {
    memory_limit_ = bytes;
    memory_every_ = every;
    if (bytes > 0) poll_memory();
}

void Process::poll_memory() {
    memory_.expires_after(memory_every_);
    memory_.async_wait([self = shared_from_this()](const auto& error) {
        if (error || self->gone_) return;
        if (resident_bytes(self->pid_) > self->memory_limit_) {
            self->kill(fmt::format("memory limit {} MiB passed", self->memory_limit_ >> 20));
        }
        self->poll_memory();
    });
}

void Process::expect_ready(std::chrono::milliseconds time) {
    ready_.cancel();
    if (gone_ || time.count() == 0) return;
    ready_.expires_after(time);
    ready_.async_wait([self = shared_from_this(), time](const auto& error) {
        if (!error) self->kill(fmt::format("not ready within {} ms", time.count()));
    });
}

}  // namespace headrace::engines
