#include "main/overload_guard.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "jobs/core.hpp"
#include "jobs/service.hpp"
#include "telemetry/process.hpp"

namespace headrace::main {
namespace {

namespace asio = boost::asio;

/// Linux from 6.2 on says it in one call; before, the folder is counted.
std::uint64_t open_descriptors() {
    struct stat status {};
    if (::stat("/proc/self/fd", &status) == 0 && status.st_size > 0) {
        return static_cast<std::uint64_t>(status.st_size);
    }
    std::error_code error;
    std::uint64_t count = 0;
    for (auto at = std::filesystem::directory_iterator("/proc/self/fd", error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        ++count;
    }
    return count;
}

std::uint64_t descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    return limit.rlim_cur;
}

}  // namespace

std::uint64_t memory_at_hand() {
    const auto pages = static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
    std::uint64_t memory = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    // "max" where there is no limit: then nothing is read.
    for (const char* file :
         {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        std::ifstream in(file);
        std::uint64_t limit = 0;
        if (in >> limit && limit > 0) memory = std::min(memory, limit);
    }
    return memory;
}

OverloadGuard::OverloadGuard(OverloadSettings settings, Parts parts)
    : settings_(settings), parts_(std::move(parts)) {
    if (settings_.memory_bytes == 0) settings_.memory_bytes = memory_at_hand() / 5 * 4;
    if (settings_.descriptors == 0) settings_.descriptors = descriptor_limit();
    auto& registry = parts_.registry;
    auto& pressure =
        registry.gauge("headrace_overload_pressure",
                       "Used share of what the server may use, by resource", {"resource"});
    auto& on = registry.gauge("headrace_overload_action_on",
                              "Whether the server does this against overload", {"action"});
    auto& times =
        registry.counter("headrace_overload_actions_total",
                         "How often the server began to do this against overload", {"action"});
    for (std::size_t i = 0; i < kResources; ++i) {
        pressures_.at(i) = &pressure.cell({std::string(to_string(static_cast<Resource>(i)))});
    }
    for (std::size_t i = 0; i < kOverloadActions; ++i) {
        const std::string name(to_string(static_cast<OverloadAction>(i)));
        on_.at(i) = &on.cell({name});
        times_.at(i) = &times.cell({name});
    }
}

ResourceUses OverloadGuard::measure() const {
    return {{{telemetry::process_use().memory_bytes, settings_.memory_bytes},
             {open_descriptors(), settings_.descriptors},
             {parts_.core.held_bytes(), settings_.queue_bytes}}};
}

asio::awaitable<void> OverloadGuard::run() {
    asio::steady_timer timer(parts_.loop.io());
    while (true) {
        look();
        timer.expires_after(kEvery);
        boost::system::error_code ended;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
        if (ended) co_return;
    }
}

void OverloadGuard::look() {
    const auto changes = overload_.look(measure());
    for (std::size_t i = 0; i < kResources; ++i) {
        pressures_.at(i)->set(overload_.pressure(static_cast<Resource>(i)));
    }
    for (std::size_t i = 0; i < changes.count; ++i) {
        act(changes.list.at(i).action, changes.list.at(i).on);
    }
    // Idle connections come back, so they are closed again and again while it lasts.
    if (overload_.is_on(OverloadAction::close_idle)) parts_.close_idle();
}

void OverloadGuard::act(OverloadAction action, bool on) {
    const auto i = static_cast<std::size_t>(action);
    on_.at(i)->set(on ? 1 : 0);
    if (on) times_.at(i)->add();
    const auto worst = overload_.worst();
    const auto percent = static_cast<int>(overload_.pressure(worst) * 100);
    if (on) {
        log::warn("overload action={} on resource={} used={}%", to_string(action), to_string(worst),
                  percent);
    } else {
        log::info("overload action={} off resource={} used={}%", to_string(action),
                  to_string(worst), percent);
    }
    switch (action) {
        case OverloadAction::close_idle:
            break;  // at every look
        case OverloadAction::shed_streams:
            parts_.shed_streams(on);
            break;
        case OverloadAction::stop_accepting_jobs:
            parts_.jobs.accept_jobs(!on);
            break;
        case OverloadAction::not_ready:
            refuses_.store(on, std::memory_order_relaxed);
            break;
    }
}

std::string OverloadGuard::not_ready() const {
    return refuses_.load(std::memory_order_relaxed) ? "overloaded" : "";
}

}  // namespace headrace::main
