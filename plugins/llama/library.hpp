#pragma once

#include <string>

#include "problem.hpp"

namespace headrace::llama {

/// Whether the libllama that was loaded is the one this plug-in was compiled against: its version,
/// and the sizes of the structs that pass between both by value. Another one would read our
/// settings from the wrong places, which no later error would tell.
Result<void> check_library();

/// Loads the compute back ends that lie in `folder` (those for this CPU, and GPUs where there are),
/// and sends what the library says to the server's log, errors and warnings only. Once per process.
void start_library(const std::string& folder);

/// The folder that this plug-in lies in.
std::string own_folder();

}  // namespace headrace::llama
