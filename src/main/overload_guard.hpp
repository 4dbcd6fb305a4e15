#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "main/overload.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::jobs {
class Core;
class Service;
}  // namespace headrace::jobs

namespace headrace::main {

/// Limits of the server itself; 0 = what the machine gives.
struct OverloadSettings {
    std::uint64_t memory_bytes = 0;  // 0: four fifths of the machine's, or of the control group's
    std::uint64_t descriptors = 0;   // 0: the process's limit of open files
    std::uint64_t queue_bytes = 0;   // 0: not watched
};

/// Watches what the server may run out of, and does something about it before it has: closes idle
/// connections, opens no new streams, takes no new jobs, and says at last that it is not ready.
/// What is accepted always goes on. On the core's loop.
class OverloadGuard {
  public:
    static constexpr std::chrono::milliseconds kEvery{500};

    struct Parts {
        jobs::Core& core;
        jobs::Service& jobs;
        Loop& loop;
        telemetry::Registry& registry;
        std::function<void()> close_idle;
        std::function<void(bool)> shed_streams;
    };
    OverloadGuard(OverloadSettings settings, Parts parts);

    /// Until it is cancelled.
    boost::asio::awaitable<void> run();
    /// Why the server is not ready; empty while it is. Any thread.
    [[nodiscard]] std::string not_ready() const;

  private:
    [[nodiscard]] ResourceUses measure() const;
    void look();
    void act(OverloadAction action, bool on);

    OverloadSettings settings_;
    Parts parts_;
    Overload overload_;
    std::atomic<bool> refuses_{false};
    std::array<telemetry::Gauge*, kResources> pressures_{};
    std::array<telemetry::Gauge*, kOverloadActions> on_{};
    std::array<telemetry::Counter*, kOverloadActions> times_{};
};

/// Memory that this process may use: the machine's, or less where its control group says so.
std::uint64_t memory_at_hand();

}  // namespace headrace::main
