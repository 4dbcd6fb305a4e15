#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "catalog/engine_toml.hpp"
#include "engines/command.hpp"
#include "http/server.hpp"
#include "link/frame.pb.h"
#include "main/doctor.hpp"

namespace headrace::main {
namespace {

namespace fs = std::filesystem;
using Grade = Finding::Grade;

/// The pid that holds the data folder; empty when nobody does.
std::string holder_of(const fs::path& data) {
    const auto path = data / "lock";
    const UniqueFd lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!lock || ::flock(lock.get(), LOCK_SH | LOCK_NB) == 0) return {};
    std::string who;
    std::ifstream file(path);
    std::getline(file, who);
    return who.empty() ? "another process" : who;
}

Finding data_folder(const ServerSettings& settings, const std::string& holder) {
    Finding out{"data folder", Grade::good, settings.data.string()};
    struct stat status {};
    if (::stat(settings.data.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            out.found += ", made at the first start";
            return out;
        }
        out.grade = Grade::bad;
        out.found += std::string(": ") + std::strerror(errno);
        return out;
    }
    if (!S_ISDIR(status.st_mode)) {
        out.grade = Grade::bad;
        out.found += " is no folder";
    } else if ((status.st_mode & 0077) != 0) {
        out.grade = (status.st_mode & 0022) != 0 ? Grade::bad : Grade::warning;
        out.found += fmt::format(", mode {:04o}", status.st_mode & 07777U);
        out.advice = "chmod 0700: it holds the keys of all tenants' data";
    } else if (::access(settings.data.c_str(), R_OK | W_OK | X_OK) != 0) {
        out.grade = Grade::bad;
        out.found += ": not ours to write";
        out.advice = "run this as the user of the server";
    }
    if (!holder.empty()) out.found += ", served by " + holder;
    return out;
}

Finding door(const http::DoorSettings& settings, bool served) {
    Finding out{settings.name + " door", Grade::good, settings.listen};
    auto made = http::Door::make(settings, {});
    if (made) {
        out.found += settings.tls_certificate.empty() ? ", free, no TLS" : ", free, TLS";
        return out;
    }
    if (served && made.error().code == ErrorCode::unavailable) {
        out.found += ", in use by the running server";
        return out;
    }
    out.grade = Grade::bad;
    out.found = made.error().message;
    out.advice = made.error().code == ErrorCode::unavailable
                     ? fmt::format("another program is there: choose {}.listen", settings.name)
                     : "";
    return out;
}

/// Whether a program can be run: a path, or a name that PATH knows.
bool can_run(const std::string& program) {
    if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0;
    const char* path = std::getenv("PATH");
    std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (::access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
    }
    return false;
}

Finding program(const std::string& what, const std::string& path, const std::string& advice) {
    if (can_run(path)) return {what, Grade::good, path};
    return {what, Grade::bad, path + " cannot be run", advice};
}

Finding engine(const catalog::EngineSpec& spec, const engines::Settings& settings) {
    Finding out{"engine " + spec.text(), Grade::good, std::string(to_string(spec.kind))};
    const auto command = engines::command_for(spec, settings);
    const auto start = engines::start_for(spec, settings, spec.text());
    if (command && start) {
        out.found += fmt::format(", {} slots", spec.limits.slots);
        if (spec.gpus > 0) out.found += fmt::format(", {} GPUs for each process", spec.gpus);
        return out;
    }
    out.grade = Grade::bad;
    out.found = command ? start.error().message : command.error().message;
    return out;
}

}  // namespace

std::vector<Finding> examine_setup(const ServerSettings& settings) {
    const auto holder = holder_of(settings.data);
    std::vector<Finding> out{data_folder(settings, holder), door(settings.client, !holder.empty()),
                             door(settings.control, !holder.empty())};
    out.push_back(program("headrace-host", settings.engines.host_program.string(),
                          "it belongs beside headrace, or name it: engines.host_binary"));
    out.push_back(
        program("python", settings.engines.python, "install python3, or name it: engines.python"));
    for (const auto& folder : settings.engine_paths) {
        auto found = catalog::load_engines(folder);
        if (!found) {
            out.push_back({"engines", Grade::bad, found.error().message});
            continue;
        }
        for (const auto& spec : *found) out.push_back(engine(spec, settings.engines));
    }
    if (settings.engine_paths.empty()) {
        out.push_back({"engines", Grade::good, "none here: workers bring them, or --engine DIR"});
    }
    return out;
}

}  // namespace headrace::main
