#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/interface.hpp"
#include "catalog/version.hpp"

namespace headrace::catalog {

/// native: a shared library in headrace-host; python: a class in an interpreter; command: any
/// program that speaks the worker link on the socket it is given (docs/worker-link.md).
enum class EngineKind : std::uint8_t { native, python, command };
std::string_view to_string(EngineKind kind);

/// One engine as its engine.toml describes it (docs/engine-toml.md).
struct EngineSpec {
    std::string capability;
    std::string version;  // SemVer text
    std::string title;
    std::string description;
    Interface interface;
    ServingLimits limits;
    EngineKind kind = EngineKind::native;

    std::string library;  // native: a plain file name, e.g. "libecho.so"
    std::string entry;    // python: "module:Name"
    /// command: program and arguments; a program with a slash is inside the engine's folder or
    /// absolute, another one is looked for on PATH.
    std::vector<std::string> command;
    std::string
        interpreter;   // python: absolute path, or a name for PATH; empty = venv, else "python3"
    std::string venv;  // python: a folder, inside the engine's or absolute; empty = none
    std::string requirements;  // python: a file inside the engine's folder; empty = none
    bool async = false;        // python: one process runs all slots

    std::uint32_t gpus = 0;        // of each process, which sees no other
    std::uint64_t gpu_memory = 0;  // bytes on each of them; 0 = a GPU for itself

    std::optional<bool> network;  // whether it needs one; absent = as the server has it

    std::map<std::string, std::string> environment;  // set for the engine's process
    std::string settings;  // JSON text of [settings], which only the engine reads; empty = none
    std::filesystem::path directory;  // the folder of the file, absolute

    /// How many processes run the slots: one, unless it is a Python engine that neither batches nor
    /// is async, which gets a process per slot.
    [[nodiscard]] std::uint32_t processes() const;
    /// "ocr@1.0.0"
    [[nodiscard]] std::string text() const { return capability + '@' + version; }
};

/// Reads `directory`/engine.toml, at most 1 MiB, and nothing else. Errors name file, line and key.
Result<EngineSpec> load_engine(const std::filesystem::path& directory);
/// The same for a text; `origin` is the file name that messages use.
Result<EngineSpec> parse_engine_toml(std::string_view text, const std::string& origin,
                                     const std::filesystem::path& directory);
/// Every engine.toml in `root` at any depth, sorted by path; folders that begin with a dot, virtual
/// environments and links to folders are not entered. One broken file fails them all.
Result<std::vector<EngineSpec>> load_engines(const std::filesystem::path& root);

}  // namespace headrace::catalog
