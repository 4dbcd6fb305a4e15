#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "engines/sandbox.hpp"

namespace headrace::engines {

/// What is to be run. The program is an absolute path, or a name that PATH of `environment` knows.
struct Command {
    std::vector<std::string> arguments;    // the program first
    std::vector<std::string> environment;  // "NAME=value"; all that the process gets
    std::string directory;                 // to start in
    Sandbox sandbox;
};

/// A process that has begun to run its program, and our ends of what joins us to it.
struct Spawned {
    pid_t pid = -1;
    UniqueFd pidfd;   // becomes readable when it ends
    UniqueFd link;    // the link's socket
    UniqueFd output;  // its standard output, not blocking
    UniqueFd errors;  // its standard error, not blocking
};

/// Starts a process that leads a group of its own, dies with the calling thread, inherits nothing
/// but its standard streams and one end of the link, whose number it finds in HEADRACE_LINK_FD, and
/// lives in the command's sandbox.
/// Error unavailable: what could not be had, or why the program cannot be run.
Result<Spawned> spawn(const Command& command);

}  // namespace headrace::engines
