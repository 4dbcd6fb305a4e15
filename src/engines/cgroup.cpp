#include "engines/cgroup.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace headrace::engines {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMostProcesses = "4096";
constexpr std::array kControllers = {"memory", "pids"};

Result<void> write_to(const fs::path& file, std::string_view text) {
    // The kernel takes a value or not at the write, so this is not for a buffered stream.
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_CREAT, 0600));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return fail(ErrorCode::unavailable,
                    fmt::format("cgroup: {} to {}: {}", text, file.string(), std::strerror(errno)));
    }
    return {};
}

bool lists(const fs::path& file, std::string_view word) {
    std::ifstream in(file);
    for (std::string found; in >> found;) {
        if (found == word) return true;
    }
    return false;
}

/// Hands memory and pids on to the children of `parent`.
Result<void> delegate(const fs::path& parent) {
    if (lists(parent / "cgroup.procs", std::to_string(::getpid()))) {
        const auto own = parent / "serve";
        std::error_code error;
        fs::create_directory(own, error);
        if (auto moved = write_to(own / "cgroup.procs", "0"); !moved) return moved;
    }
    for (const auto* name : kControllers) {
        if (lists(parent / "cgroup.subtree_control", name)) continue;
        if (!lists(parent / "cgroup.controllers", name)) {
            return fail(ErrorCode::unavailable,
                        fmt::format("cgroup: {} does not have the controller {}; it is to be "
                                    "delegated (systemd: Delegate=memory pids)",
                                    parent.string(), name));
        }
        if (auto ok = write_to(parent / "cgroup.subtree_control", fmt::format("+{}", name)); !ok) {
            return ok;
        }
    }
    return {};
}

/// Groups of servers that were killed: their names end in a process that is no more. One that
/// still holds something stays, for it cannot be removed.
void sweep(const fs::path& parent) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(parent, error)) {
        const auto name = entry.path().filename().string();
        const auto dot = name.rfind('.');
        pid_t pid = 0;
        if (dot == std::string::npos || !entry.is_directory(error)) continue;
        const auto* end = name.data() + name.size();
        if (std::from_chars(name.data() + dot + 1, end, pid).ptr != end || pid <= 0) continue;
        if (::kill(pid, 0) != 0 && errno == ESRCH) ::rmdir(entry.path().c_str());
    }
}

}  // namespace

Result<void> check_cgroup(const fs::path& folder) {
    struct statfs status {};
    const auto bad = [&](std::string_view why) {
        return fail(ErrorCode::invalid_argument, fmt::format("{} {}", folder.string(), why));
    };
    if (!folder.is_absolute()) return bad("is no absolute path");
    if (::statfs(folder.c_str(), &status) != 0) {
        return bad(fmt::format("cannot be read: {}", std::strerror(errno)));
    }
    if (status.f_type == CGROUP_SUPER_MAGIC) {
        return bad("is a cgroup v1, which is not supported; boot with the unified hierarchy");
    }
    if (status.f_type != CGROUP2_SUPER_MAGIC) return bad("is no cgroup v2");
    return {};
}

Result<std::unique_ptr<Cgroup>> Cgroup::make(const fs::path& parent, const std::string& host,
                                             std::uint64_t memory) {
    if (auto ok = delegate(parent); !ok) return fail(std::move(ok.error()));
    sweep(parent);
    auto name = fmt::format("{}.{}", host, ::getpid());
    for (auto& c : name) {
        if (c == '/') c = '-';
    }
    std::unique_ptr<Cgroup> made(new Cgroup(parent / name));
    if (auto ok = made->set_up(memory); !ok) return fail(std::move(ok.error()));
    return made;
}

Result<void> Cgroup::set_up(std::uint64_t memory) {
    std::error_code error;
    fs::create_directory(folder_, error);
    if (error) {
        return fail(ErrorCode::unavailable,
                    fmt::format("cgroup: {}: {}", folder_.string(), error.message()));
    }
    std::vector<std::pair<const char*, std::string>> bounds{
        {"pids.max", std::string(kMostProcesses)}, {"memory.oom.group", "1"}};
    if (memory > 0) {
        bounds.emplace_back("memory.max", std::to_string(memory));
        // Kernels without swap accounting do not have the file.
        if (fs::exists(folder_ / "memory.swap.max", error)) {
            bounds.emplace_back("memory.swap.max", "0");
        }
    }
    for (const auto& [file, value] : bounds) {
        if (auto ok = write_to(folder_ / file, value); !ok) return ok;
    }
    entrance_ =
        UniqueFd(::open((folder_ / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC | O_CREAT, 0600));
    if (!entrance_) {
        return fail(ErrorCode::unavailable,
                    fmt::format("cgroup: {}: {}", folder_.string(), std::strerror(errno)));
    }
    return {};
}

Cgroup::~Cgroup() {
    kill_all();
    // What was killed needs a moment to be gone; this happens when an engine is removed, not when
    // it is restarted.
    for (int i = 0; i < 20 && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

std::uint64_t Cgroup::memory_kills() const {
    std::ifstream in(folder_ / "memory.events");
    std::string name;
    for (std::uint64_t count = 0; in >> name >> count;) {
        if (name == "oom_kill") return count;
    }
    return 0;
}

void Cgroup::kill_all() {
    (void)write_to(folder_ / "cgroup.kill", "1");  // kernels before 5.14 do not have it
}

}  // namespace headrace::engines
