#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "process.hpp"
#include "random.hpp"
#include "referee.hpp"

namespace headrace::sim {

/// What can go wrong in a run, and how large it is; drawn from the seed.
struct Weather {
    std::uint32_t actions = 0;   // of callers, operators and faults
    std::uint32_t pause_ms = 0;  // between two actions, at most
    std::uint32_t server_crashes = 0;
    std::uint32_t disk_fails_percent = 0;
    std::uint32_t disk_slow_us = 0;
    bool poison = false;
    bool lies = false;
};

/// One run: a server that crashes and starts again, its disk, worker processes and links.
class World {
  public:
    explicit World(std::uint64_t seed, bool trace);
    ~World();

    void start_server();
    void crash_server();
    [[nodiscard]] bool up() const { return core != nullptr; }
    /// Runs what is due until then, or until the referee has seen a violation.
    void run_for(milliseconds duration);
    /// The whole machine, for a while: everything is late, and timers come first.
    void stand_still();
    void spawn(std::size_t which);
    /// Ends all faults: the disk works, processes behave, and what waits can be done.
    void clear_up();
    /// Every job has ended and every answer has been given.
    [[nodiscard]] bool at_rest() const;
    /// The workers leave; what is left must go by itself.
    void shut_down();
    void note(std::string_view what, const Uuid& id = {});
    [[nodiscard]] std::uint64_t digest() const { return digest_; }
    /// Runs `call` after `delay`.
    void after(std::chrono::nanoseconds delay, UniqueFunction<void()> call) {
        time.after(delay, std::move(call));
    }

    Random random;
    Weather weather;
    Settings settings;
    stores::VirtualTime time;
    IdSource ids;
    stores::MemoryDisk disk;
    Referee referee;
    std::vector<VersionPtr> versions;
    std::vector<std::shared_ptr<Process>> processes;
    std::unique_ptr<stores::MemoryJobLog> log;
    std::unique_ptr<Core> core;
    std::uint32_t life = 0;
    bool calm = false;

  private:
    void heartbeats();
    Process::Nature nature();

    std::vector<std::shared_ptr<Process>> graveyard_;  // calls about them may be under way
    std::uint64_t digest_ = 14695981039346656037ULL;
    bool trace_;
    bool closed_ = false;
};

}  // namespace headrace::sim
