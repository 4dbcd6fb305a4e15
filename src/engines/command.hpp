#pragma once

#include "base/result.hpp"
#include "catalog/engine_toml.hpp"
#include "engines/gpu.hpp"
#include "engines/settings.hpp"
#include "engines/spawn.hpp"

namespace headrace::wire {
class Start;
}

namespace headrace::engines {

/// Shows a process these GPUs and no others.
void show_gpus(Command& command, const std::vector<Gpu>& gpus);
/// How an engine's host is run. Error not_found: what it needs is not there;
/// unavailable: what it needs is not allowed.
Result<Command> command_for(const catalog::EngineSpec& spec, const Settings& settings);

/// What the host is told first. `name` is that of its worker.
Result<wire::Start> start_for(const catalog::EngineSpec& spec, const Settings& settings,
                              const std::string& name);

}  // namespace headrace::engines
