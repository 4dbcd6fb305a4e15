#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::sim {

/// How a run ended: without a violation it was fine.
struct Outcome {
    std::optional<std::string> violation;
    std::uint64_t digest = 0;
};

/// A bug that can be switched on.
struct PlantedBug {
    std::string_view name;
    std::function<void()> plant;
};

/// One simulation: what a seed does, and the bugs it must find.
struct Simulation {
    std::string_view about;
    std::function<Outcome(std::uint64_t seed, bool trace)> run;
    std::vector<PlantedBug> bugs;
};

/// The command line of a simulation; its exit status.
int command(const Simulation& simulation, const std::vector<std::string>& words);

}  // namespace headrace::sim
