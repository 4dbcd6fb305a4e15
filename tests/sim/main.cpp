// The simulation of the job core: see README.md.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/log.hpp"
#include "callers.hpp"
#include "fairness.hpp"
#include "jobs/faults.hpp"

namespace headrace::sim {
namespace {

struct Outcome {
    std::optional<std::string> violation;
    std::uint64_t digest = 0;
};

/// Two server starts in a row, callers and faults in between, then calm until nothing is left.
Outcome run_storm(std::uint64_t seed, bool trace) {
    World world(seed, trace);
    Callers callers(world);
    std::vector<std::uint32_t> crashes;
    for (std::uint32_t i = 0; i < world.weather.server_crashes; ++i) {
        crashes.push_back(world.random.below(world.weather.actions));
    }
    for (std::uint32_t i = 0; i < world.weather.actions && !world.referee.failed(); ++i) {
        callers.act();
        world.run_for(world.random.between(0, world.weather.pause_ms));
        if (std::find(crashes.begin(), crashes.end(), i) == crashes.end() || world.referee.failed())
            continue;
        world.crash_server();
        callers.server_crashed();
        world.run_for(world.random.between(0, 1'500));
        world.start_server();
    }
    if (!world.referee.failed()) {
        world.clear_up();
        callers.say_goodbye();
    }
    for (int second = 0; second < 600 && !world.referee.failed() && !world.at_rest(); ++second) {
        world.run_for(milliseconds(1'000));
    }
    if (!world.referee.failed()) {
        world.shut_down();
        world.run_for(world.settings.keep_ended + milliseconds(60'000));
        world.referee.check_end(world.core->counts());
    }
    Outcome outcome;
    if (world.referee.failed()) outcome.violation = world.referee.first();
    outcome.digest = world.digest();
    return outcome;
}

Outcome run(std::uint64_t seed, bool trace) {
    if (seed % 10 != 0) return run_storm(seed, trace);
    Outcome outcome;
    outcome.violation = run_fairness(seed);
    return outcome;
}

struct Plant {
    jobs::Fault fault;
    std::string_view name;
};

constexpr Plant kPlants[] = {
    {jobs::Fault::late_result_accepted, "late-result-accepted"},
    {jobs::Fault::answer_before_write, "answer-before-write"},
    {jobs::Fault::finish_before_write, "finish-before-write"},
    {jobs::Fault::finish_not_retried, "finish-not-retried"},
    {jobs::Fault::crash_not_marked, "crash-not-marked"},
    {jobs::Fault::attempts_unlimited, "attempts-unlimited"},
    {jobs::Fault::usage_twice, "usage-twice"},
    {jobs::Fault::lost_worker_forgotten, "lost-worker-forgotten"},
    {jobs::Fault::ttl_not_armed, "ttl-not-armed"},
    {jobs::Fault::share_not_charged, "share-not-charged"},
    {jobs::Fault::batch_overflow, "batch-overflow"},
    {jobs::Fault::event_skipped, "event-skipped"},
    {jobs::Fault::attempt_not_awaited, "attempt-not-awaited"},
    {jobs::Fault::session_repeated, "session-repeated"},
    {jobs::Fault::body_not_compared, "body-not-compared"},
    {jobs::Fault::queue_unbounded, "queue-unbounded"},
    {jobs::Fault::job_leaked, "job-leaked"},
};
static_assert(std::size(kPlants) + 1 == static_cast<std::size_t>(jobs::Fault::count));

constexpr std::uint64_t kSeedsPerPlant = 500;
constexpr std::uint64_t kReplayEvery = 100;

int run_seeds(std::uint64_t from, std::uint64_t count) {
    std::uint64_t failed = 0;
    for (std::uint64_t seed = from; seed < from + count; ++seed) {
        const Outcome outcome = run(seed, false);
        if (outcome.violation) {
            fmt::print("seed {}: {}\n", seed, *outcome.violation);
            if (++failed >= 10) break;
        } else if (seed % kReplayEvery == 1 && run(seed, false).digest != outcome.digest) {
            fmt::print("seed {}: a replay went another way\n", seed);
            ++failed;
        }
    }
    fmt::print("{} seeds from {}, {} failed\n", count, from, failed);
    return failed == 0 ? 0 : 1;
}

bool find_plant(const Plant& plant) {
    jobs::planted_fault = plant.fault;
    for (std::uint64_t seed = 1; seed <= kSeedsPerPlant; ++seed) {
        const Outcome outcome = run(seed, false);
        if (!outcome.violation) continue;
        fmt::print("{:<24} seed {:>3}: {}\n", plant.name, seed, *outcome.violation);
        return true;
    }
    fmt::print("{:<24} NOT FOUND in {} seeds\n", plant.name, kSeedsPerPlant);
    return false;
}

int run_plants() {
    std::size_t found = 0;
    for (const Plant& plant : kPlants) found += find_plant(plant) ? 1 : 0;
    fmt::print("{} of {} planted bugs found\n", found, std::size(kPlants));
    return found == std::size(kPlants) ? 0 : 1;
}

int usage() {
    fmt::print(
        "sim --seeds N [--from N] | --seed N [--trace] [--plant NAME] | --plants | --list\n"
        "Simulates the job core with a virtual clock, disk and network, and holds it to its\n"
        "promises. Each seed is another run; --seed replays one. --plant switches on one planted\n"
        "bug, --plants looks for all of them.\n");
    return 2;
}

int main_of(const std::vector<std::string>& words) {
    std::uint64_t seeds = 0;
    std::uint64_t from = 1;
    std::optional<std::uint64_t> seed;
    bool trace = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const bool has_value = i + 1 < words.size();
        if (word == "--trace")
            trace = true;
        else if (word == "--plants")
            return run_plants();
        else if (word == "--list") {
            for (const Plant& plant : kPlants) fmt::print("{}\n", plant.name);
            return 0;
        } else if (word == "--seeds" && has_value)
            seeds = std::stoull(words[++i]);
        else if (word == "--from" && has_value)
            from = std::stoull(words[++i]);
        else if (word == "--seed" && has_value)
            seed = std::stoull(words[++i]);
        else if (word == "--plant" && has_value) {
            const std::string& name = words[++i];
            const auto* plant =
                std::find_if(std::begin(kPlants), std::end(kPlants),
                             [&name](const Plant& each) { return each.name == name; });
            if (plant == std::end(kPlants)) return usage();
            jobs::planted_fault = plant->fault;
        } else {
            return usage();
        }
    }
    if (!seed) return seeds > 0 ? run_seeds(from, seeds) : usage();
    const Outcome outcome = run(*seed, trace);
    fmt::print("seed {} digest {:016x}: {}\n", *seed, outcome.digest,
               outcome.violation ? *outcome.violation : std::string("fine"));
    return outcome.violation ? 1 : 0;
}

}  // namespace
}  // namespace headrace::sim

int main(int argc, char** argv) {
    headrace::log::set_level(headrace::log::Level::off);
    return headrace::sim::main_of(std::vector<std::string>(argv + 1, argv + argc));
}
