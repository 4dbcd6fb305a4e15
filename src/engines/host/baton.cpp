#include "engines/host/baton.hpp"

#include <chrono>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace headrace::engines::host {
namespace {

constexpr std::chrono::milliseconds kMoment{1};
constexpr int kIdleMoments = 50;  // without a run, then the stand-in sleeps until there is one

}  // namespace

Baton::Baton() : wanted_(::eventfd(0, EFD_CLOEXEC)) {}

void Baton::lend() {
    const std::lock_guard lock(mutex_);
    running_ = true;
    ++runs_;
    if (asleep_) active_.notify_one();
}

void Baton::reclaim() {
    std::unique_lock lock(mutex_);
    running_ = false;
    if (!taken_) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t told = ::write(wanted_.get(), &one, sizeof one);
    back_.wait(lock, [this] { return !taken_; });
}

void Baton::wait_turn() {
    std::unique_lock lock(mutex_);
    int idle = 0;
    std::uint64_t seen = runs_;
    while (true) {
        if (idle > kIdleMoments) {
            asleep_ = true;
            active_.wait(lock, [this] { return running_; });
            asleep_ = false;
        }
        active_.wait_for(lock, kMoment);  // nobody notifies: a moment is to pass
        const bool same = runs_ == seen;
        if (same && running_) break;  // the run of a moment ago
        idle = same ? idle + 1 : 0;
        seen = runs_;
    }
    taken_ = true;
}

bool Baton::may_read(int socket) const {
    pollfd both[2] = {{socket, POLLIN, 0}, {wanted_.get(), POLLIN, 0}};
    while (::poll(both, 2, -1) < 0) {
    }
    return (both[1].revents & POLLIN) == 0;
}

void Baton::give_back() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wanted_.get(), &count, sizeof count);
    const std::lock_guard lock(mutex_);
    taken_ = false;
    back_.notify_one();
}

}  // namespace headrace::engines::host
