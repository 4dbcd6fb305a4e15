#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace headrace::sim {

/// Tenants that flood one queue with jobs of different lengths, and one that comes late, on honest
/// workers: while two of them have work waiting, the slot time they get must not drift apart.
/// Answers the violation, if any.
std::optional<std::string> run_fairness(std::uint64_t seed);

}  // namespace headrace::sim
