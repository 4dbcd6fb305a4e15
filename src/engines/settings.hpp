#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace headrace::engines {

/// What engines are held to beyond what always holds (no new privileges, no core dumps, no
/// tracing).
struct SandboxSettings {
    bool refuse_calls = false;          // seccomp: system calls that no engine needs
    bool network = true;                // an engine.toml may give it up, and cannot take it back
    std::filesystem::path cgroup = {};  // a delegated v2 folder; empty: no groups are made
};

struct Settings {
    std::filesystem::path host_program;  // headrace-host
    std::filesystem::path
        library_folder;  // where native libraries are looked for after the engine's own
    std::filesystem::path python_sdk;  // the folder that holds the package `headrace`
    std::string python = "python3";    // where an engine has no environment of its own
    std::string name_prefix;           // before each host's name, e.g. the agent's name and '/'
    std::chrono::milliseconds stop_grace{5'000};  // between SIGTERM and SIGKILL
    std::chrono::milliseconds memory_poll{250};
    SandboxSettings sandbox;
    std::string gpu_tool;  // lists the GPUs when an engine asks for some; empty: there are none
};

/// Where things lie beside a program in `folder`, in a build tree or an installation.
Settings settings_beside(const std::filesystem::path& folder);
/// The folder of the running program.
std::filesystem::path program_folder();

}  // namespace headrace::engines
