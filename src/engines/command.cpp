#include "engines/command.hpp"

#include <array>
#include <cstdlib>
#include <system_error>

#include "link/frame.pb.h"

namespace headrace::engines {
namespace {

namespace fs = std::filesystem;

/// What an engine may take over from us; all else, our own settings and secrets first, it does not
/// see.
constexpr std::array kInherited = {"PATH",
                                   "HOME",
                                   "USER",
                                   "LANG",
                                   "LC_ALL",
                                   "LC_CTYPE",
                                   "TZ",
                                   "TMPDIR",
                                   "LD_LIBRARY_PATH",
                                   "CUDA_VISIBLE_DEVICES",
                                   "NVIDIA_VISIBLE_DEVICES",
                                   "HIP_VISIBLE_DEVICES",
                                   "OMP_NUM_THREADS",
                                   "HF_HOME",
                                   "XDG_CACHE_HOME",
                                   "SSL_CERT_FILE",
                                   "HTTP_PROXY",
                                   "HTTPS_PROXY",
                                   "NO_PROXY"};

#ifdef HEADRACE_SANITIZED
/// Of developers' builds under a sanitizer alone: the host is built with it too, and what it finds
/// goes where the server's findings go.
constexpr std::array kSanitizers = {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
                                    "UBSAN_OPTIONS"};
#else
constexpr std::array<const char*, 0> kSanitizers{};
#endif

bool is_there(const fs::path& path) {
    std::error_code error;
    return !path.empty() && fs::exists(path, error);
}

std::vector<std::string> environment_for(const catalog::EngineSpec& spec,
                                         const Settings& settings) {
    std::map<std::string, std::string> all;
    for (const char* name : kInherited) {
        if (const char* value = std::getenv(name)) all[name] = value;
    }
    for (const char* name : kSanitizers) {
        if (const char* value = std::getenv(name)) all[name] = value;
    }
    all.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
    for (const auto& [name, value] : spec.environment) all[name] = value;
    all["HEADRACE_ENGINE_DIR"] = spec.directory.string();
    if (spec.kind == catalog::EngineKind::python) {
        auto& path = all["PYTHONPATH"];
        path = settings.python_sdk.string() + (path.empty() ? "" : ":" + path);
        all["PYTHONUNBUFFERED"] = "1";
    }
    std::vector<std::string> out;
    for (const auto& [name, value] : all) {
        if (name != "HEADRACE_LINK_FD") out.push_back(name + '=' + value);
    }
    return out;
}

Result<std::string> interpreter_for(const catalog::EngineSpec& spec, const Settings& settings) {
    if (!spec.interpreter.empty()) return spec.interpreter;
    const fs::path venv = spec.directory / (spec.venv.empty() ? ".venv" : spec.venv);
    const fs::path python = venv / "bin" / "python";
    if (is_there(python)) return python.string();
    if (spec.venv.empty()) return settings.python;
    return fail(ErrorCode::not_found, "no Python environment in " + venv.string() +
                                          "; `headrace engine check --install` makes it");
}

Result<std::string> library_for(const catalog::EngineSpec& spec, const Settings& settings) {
    for (const auto& folder : {spec.directory, settings.library_folder}) {
        const fs::path path = folder / spec.library;
        if (is_there(path)) return path.string();
    }
    return fail(ErrorCode::not_found, spec.library + " is neither in " + spec.directory.string() +
                                          " nor in " + settings.library_folder.string());
}

}  // namespace

Settings settings_beside(const fs::path& folder) {
    Settings settings;
    settings.host_program = folder / "headrace-host";
    settings.library_folder = folder / "engines";
    // build/<preset>/headrace, or <prefix>/bin/headrace.
    const fs::path in_tree = (folder / ".." / ".." / "sdk" / "python" / "src").lexically_normal();
    const fs::path installed = (folder / ".." / "share" / "headrace" / "python").lexically_normal();
    settings.python_sdk = is_there(installed) ? installed : in_tree;
    return settings;
}

fs::path program_folder() {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error).parent_path();
}

void show_gpus(Command& command, const std::vector<Gpu>& gpus) {
    constexpr std::string_view kName = "CUDA_VISIBLE_DEVICES=";
    std::erase_if(command.environment,
                  [&](const std::string& entry) { return entry.starts_with(kName); });
    std::string ids;
    for (const auto& gpu : gpus) ids += (ids.empty() ? "" : ",") + gpu.uuid;
    command.environment.push_back(std::string(kName) + ids);
}

Result<Command> command_for(const catalog::EngineSpec& spec, const Settings& settings) {
    if (spec.network == true && !settings.sandbox.network) {
        return fail(ErrorCode::unavailable,
                    spec.text() + " needs the network, and engines.network is off");
    }
    Command command;
    command.directory = spec.directory.string();
    const bool network = settings.sandbox.network && spec.network.value_or(true);
    command.sandbox.filter = refused_calls(settings.sandbox.refuse_calls, network);
    command.sandbox.filter_needed = settings.sandbox.refuse_calls || !network;
    command.environment = environment_for(spec, settings);
    if (spec.kind == catalog::EngineKind::native) {
        command.arguments = {settings.host_program.string(), spec.text()};
        return command;
    }
    if (spec.kind == catalog::EngineKind::command) {
        command.arguments = spec.command;
        const fs::path program = command.arguments.front();
        if (program.is_relative() && program.has_parent_path()) {
            command.arguments.front() = (spec.directory / program).lexically_normal().string();
        }
        return command;
    }
    auto python = interpreter_for(spec, settings);
    if (!python) return fail(std::move(python).error());
    command.arguments = {*python, "-m", "headrace.engine.serve"};
    return command;
}

Result<wire::Start> start_for(const catalog::EngineSpec& spec, const Settings& settings,
                              const std::string& name) {
    wire::Start start;
    auto* offer = start.mutable_offer();
    const auto& limits = spec.limits;
    offer->set_capability(spec.capability);
    offer->set_version(spec.version);
    offer->set_interface(catalog::interface_to_json(spec.interface));
    offer->set_title(spec.title);
    offer->set_description(spec.description);
    offer->set_max_batch(limits.max_batch);
    offer->set_max_wait_ms(limits.max_wait_ms);
    offer->set_slots(spec.processes() > 1 ? 1 : limits.slots);
    offer->set_stall_timeout_ms(limits.stall_timeout_ms);
    offer->set_cancel_grace_ms(limits.cancel_grace_ms);
    offer->set_memory_limit(limits.memory_bytes);
    start.set_directory(spec.directory.string());
    start.set_cancel_grace_ms(limits.cancel_grace_ms);
    start.set_worker_name(name);
    start.set_settings(spec.settings);
    if (spec.kind != catalog::EngineKind::native) {
        start.set_entry(spec.entry);  // a command has none: it knows itself what it is
        return start;
    }
    auto library = library_for(spec, settings);
    if (!library) return fail(std::move(library).error());
    start.set_entry(*library);
    return start;
}

}  // namespace headrace::engines
