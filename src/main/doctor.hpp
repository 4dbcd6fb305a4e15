#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "main/settings.hpp"

/// `headrace doctor`: what of this machine and of the settings will get in the way. Everything
/// blocks, nothing is changed but for a small file that is written and removed where the data
/// folder will be.
namespace headrace::main {

struct Finding {
    enum class Grade : std::uint8_t { good, warning, bad };
    std::string what;  // "memory", "disk", "client door"
    Grade grade = Grade::good;
    std::string found;
    std::string advice{};  // what to do, where there is something
};
std::string_view to_string(Finding::Grade grade);

/// CPU, memory, GPUs, disk, limits, clock.
std::vector<Finding> examine_machine(const ServerSettings& settings);
/// Doors, data folder, programs, engines.
std::vector<Finding> examine_setup(const ServerSettings& settings);

}  // namespace headrace::main
