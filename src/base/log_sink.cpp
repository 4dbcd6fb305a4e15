#include "base/log_sink.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <thread>

#include <unistd.h>

namespace headrace::log {
namespace {

constexpr std::size_t kMostGathered = 64 * 1024;
constexpr std::chrono::milliseconds kLongestWait{100};
constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

/// The one sink that gathers; never destroyed, so that its thread and the hooks of exit and crash
/// always find it.
GatheringSink* the_sink = nullptr;
std::array<struct sigaction, kCrashes.size()> before;

void write_all(int file, const char* at, std::size_t left) {
    while (left > 0) {
        const ssize_t written = ::write(file, at, left);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // nobody is left who could be told
        at += written;
        left -= static_cast<std::size_t>(written);
    }
}

}  // namespace

void GatheringSink::gather() {
    if (the_sink != nullptr || (!file_ && ::isatty(STDERR_FILENO) == 1)) return;
    the_sink = this;
    gathering_ = true;
    std::atexit([] { the_sink->flush(); });
    struct sigaction action {};
    action.sa_sigaction = &GatheringSink::on_crash;
    action.sa_flags = SA_SIGINFO;
    for (std::size_t i = 0; i < kCrashes.size(); ++i) sigaction(kCrashes[i], &action, &before[i]);
    std::thread([this] { write_late(); }).detach();
}

void GatheringSink::sink_it_(const spdlog::details::log_msg& msg) {
    const bool first = gathered_.size() == 0;
    formatter_->format(msg, gathered_);
    if (!gathering_ || msg.level >= spdlog::level::warn || gathered_.size() >= kMostGathered)
        flush_();
    else if (first)
        waiting_.notify_one();
}

void GatheringSink::flush_() {
    if (file_)
        file_->write({gathered_.data(), gathered_.size()});
    else
        write_all(STDERR_FILENO, gathered_.data(), gathered_.size());
    gathered_.clear();
}

void GatheringSink::write_late() {
    std::unique_lock lock(mutex_);
    for (;;) {
        waiting_.wait(lock, [this] { return gathered_.size() > 0; });
        lock.unlock();
        std::this_thread::sleep_for(kLongestWait);
        lock.lock();
        flush_();
    }
}

/// Writes what waits and lets the crash go on as it would have. Takes no lock: whoever crashed may
/// hold it.
void GatheringSink::on_crash(int signal, siginfo_t* info, void*) {
    const int file = the_sink->file_ ? the_sink->file_->descriptor() : STDERR_FILENO;
    write_all(file, the_sink->gathered_.data(), the_sink->gathered_.size());
    for (std::size_t i = 0; i < kCrashes.size(); ++i) {
        if (kCrashes[i] == signal) sigaction(signal, &before[i], nullptr);
    }
    // A fault happens again when we return; what was only sent must be sent again.
    if (info->si_code <= 0) raise(signal);
}

}  // namespace headrace::log
