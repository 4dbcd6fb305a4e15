#include "command.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace headrace::sim {
namespace {

constexpr std::uint64_t kSeedsPerPlant = 500;
constexpr std::uint64_t kReplayEvery = 100;

int run_seeds(const Simulation& simulation, std::uint64_t from, std::uint64_t count) {
    std::uint64_t failed = 0;
    for (std::uint64_t seed = from; seed < from + count; ++seed) {
        const Outcome outcome = simulation.run(seed, false);
        if (outcome.violation) {
            fmt::print("seed {}: {}\n", seed, *outcome.violation);
            if (++failed >= 10) break;
        } else if (seed % kReplayEvery == 1 &&
                   simulation.run(seed, false).digest != outcome.digest) {
            fmt::print("seed {}: a replay went another way\n", seed);
            ++failed;
        }
    }
    fmt::print("{} seeds from {}, {} failed\n", count, from, failed);
    return failed == 0 ? 0 : 1;
}

bool find_plant(const Simulation& simulation, const PlantedBug& bug) {
    bug.plant();
    for (std::uint64_t seed = 1; seed <= kSeedsPerPlant; ++seed) {
        const Outcome outcome = simulation.run(seed, false);
        if (!outcome.violation) continue;
        fmt::print("{:<24} seed {:>3}: {}\n", bug.name, seed, *outcome.violation);
        return true;
    }
    fmt::print("{:<24} NOT FOUND in {} seeds\n", bug.name, kSeedsPerPlant);
    return false;
}

int run_plants(const Simulation& simulation) {
    std::size_t found = 0;
    for (const PlantedBug& bug : simulation.bugs) found += find_plant(simulation, bug) ? 1 : 0;
    fmt::print("{} of {} planted bugs found\n", found, simulation.bugs.size());
    return found == simulation.bugs.size() ? 0 : 1;
}

int usage(const Simulation& simulation) {
    fmt::print(
        "--seeds N [--from N] | --seed N [--trace] [--plant NAME] | --plants | --list\n"
        "{}\n"
        "Each seed is another run; --seed replays one. --plant switches on one planted bug,\n"
        "--plants looks for all of them.\n",
        simulation.about);
    return 2;
}

}  // namespace

int command(const Simulation& simulation, const std::vector<std::string>& words) {
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
            return run_plants(simulation);
        else if (word == "--list") {
            for (const PlantedBug& bug : simulation.bugs) fmt::print("{}\n", bug.name);
            return 0;
        } else if (word == "--seeds" && has_value)
            seeds = std::stoull(words[++i]);
        else if (word == "--from" && has_value)
            from = std::stoull(words[++i]);
        else if (word == "--seed" && has_value)
            seed = std::stoull(words[++i]);
        else if (word == "--plant" && has_value) {
            const std::string& name = words[++i];
            const auto bug =
                std::find_if(simulation.bugs.begin(), simulation.bugs.end(),
                             [&name](const PlantedBug& each) { return each.name == name; });
            if (bug == simulation.bugs.end()) return usage(simulation);
            bug->plant();
        } else {
            return usage(simulation);
        }
    }
    if (!seed) return seeds > 0 ? run_seeds(simulation, from, seeds) : usage(simulation);
    const Outcome outcome = simulation.run(*seed, trace);
    fmt::print("seed {} digest {:016x}: {}\n", *seed, outcome.digest,
               outcome.violation ? *outcome.violation : std::string("fine"));
    return outcome.violation ? 1 : 0;
}

}  // namespace headrace::sim
