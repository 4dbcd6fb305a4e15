#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "base/unique_function.hpp"
#include "catalog/engine_toml.hpp"
#include "engines/gpu.hpp"
#include "engines/settings.hpp"

namespace headrace::link {
class Channel;
}

namespace headrace::engines {

/// A host process that has just been started.
struct StartedHost {
    std::uint64_t id = 0;  // of this process; a restart gets another
    std::string name;      // "echo@1.0.0/0": stays the same over restarts
    std::shared_ptr<const catalog::EngineSpec> spec;
    pid_t pid = -1;
    std::unique_ptr<link::Channel> link;  // the start frame is queued; not reading yet
    std::vector<std::string> gpus;        // that it was given, in words
};

/// Whoever speaks with the hosts: the hub, or the agent. Called on the supervisor's loop, never
/// inside a call to the supervisor.
class HostListener {
  public:
    virtual ~HostListener() = default;
    virtual void host_started(StartedHost host) = 0;
    /// The process is gone, whatever its link says. `reason`: "killed by signal 11", "exit status
    /// 3", "memory limit 512 MiB passed", or what kill() was given.
    virtual void host_ended(std::uint64_t id, const std::string& reason) = 0;
};

/// Keeps the hosts of a set of engines running: starts them, reads their output into the log, holds
/// them to their limits, and starts anew what has ended. Belongs to one loop, whose thread must
/// outlive the hosts (they die with it). The listener outlives the supervisor.
class Supervisor {
  public:
    Supervisor(Settings settings, Loop& loop, HostListener& listener);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Starts the hosts of one engine and keeps them running. What is missing on this machine (an
    /// interpreter, a library) is told in the log and tried again like any host that ends.
    void add(catalog::EngineSpec spec);
    /// Stops the engine's hosts for good.
    void remove(const std::string& capability, const std::string& version);

    /// The host has offered its slots: its start is over.
    void ready(std::uint64_t id);
    /// Ends the process at once; it is started anew.
    void kill(std::uint64_t id, const std::string& reason);
    /// SIGTERM to all, SIGKILL after the grace; `done` when none is left. Nothing is started any
    /// more.
    void stop(UniqueFunction<void()> done);

    struct HostView {
        std::string name;
        pid_t pid = -1;  // -1 while it waits for its restart
        bool ready = false;
        std::uint32_t restarts = 0;
    };
    [[nodiscard]] std::vector<HostView> hosts() const;

  private:
    class Keeper;
    void stopped_one();
    GpuBook& gpu_book();

    Settings settings_;
    std::optional<GpuBook> gpus_;  // made when the first engine asks for one
    Loop& loop_;
    HostListener& listener_;
    std::vector<std::shared_ptr<Keeper>> keepers_;
    std::uint64_t last_id_ = 0;
    UniqueFunction<void()> on_stopped_;
    bool stopping_ = false;
};

}  // namespace headrace::engines
