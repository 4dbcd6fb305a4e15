#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>
#include <thread>

#include "base/unique_fd.hpp"
#include "engines/gpu.hpp"
#include "main/commands/print.hpp"
#include "main/doctor.hpp"

namespace headrace::main {
namespace {

namespace fs = std::filesystem;
using Grade = Finding::Grade;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr int kFsyncs = 15;
constexpr double kSlowFsyncMs = 10;

std::string file_text(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The number behind a word at the beginning of a line: "MemTotal:   16384 kB".
std::optional<std::uint64_t> number_after(const std::string& text, std::string_view word) {
    const auto at = text.find(word);
    if (at == std::string::npos) return std::nullopt;
    return std::strtoull(text.c_str() + at + word.size(), nullptr, 10);
}

/// The folder, or the nearest one above it that is there.
fs::path nearest(fs::path path) {
    std::error_code error;
    path = fs::absolute(path, error);
    while (!fs::exists(path, error) && path.has_parent_path()) path = path.parent_path();
    return path;
}

Finding cpu() {
    const auto text = file_text("/proc/cpuinfo");
    std::string model = "unknown processor";
    if (const auto at = text.find("model name"); at != std::string::npos) {
        const auto begin = text.find(": ", at) + 2;
        model = text.substr(begin, text.find('\n', begin) - begin);
    }
    const auto cores = std::thread::hardware_concurrency();
    Finding out{"cpu", Grade::good, fmt::format("{} cores, {}", cores, model)};
    const auto quota = file_text("/sys/fs/cgroup/cpu.max");
    const auto most = std::strtoull(quota.c_str(), nullptr, 10);
    if (const auto space = quota.find(' '); most > 0 && space != std::string::npos) {
        const auto period = std::strtoull(quota.c_str() + space, nullptr, 10);
        out.found +=
            fmt::format(", {:.1f} of them by cgroup",
                        static_cast<double>(most) / static_cast<double>(std::max(1ULL, period)));
    }
    return out;
}

Finding memory() {
    const auto text = file_text("/proc/meminfo");
    const auto total = number_after(text, "MemTotal:").value_or(0) * 1024;
    auto there = number_after(text, "MemAvailable:").value_or(0) * 1024;
    Finding out{"memory", Grade::good,
                fmt::format("{} free of {}", show_bytes(there), show_bytes(total))};
    if (const auto limit =
            std::strtoull(file_text("/sys/fs/cgroup/memory.max").c_str(), nullptr, 10);
        limit > 0 && limit < total) {
        out.found += fmt::format(", at most {} by cgroup", show_bytes(limit));
        there = std::min<std::uint64_t>(there, limit);
    }
    if (there < 256 * kMiB) {
        out.grade = Grade::warning;
        out.advice = "the server needs little, engines need much: free some, or add some";
    }
    return out;
}

std::vector<Finding> gpus(const std::string& tool) {
    if (tool.empty()) return {};
    const auto found = engines::list_gpus(tool);
    if (!found) {
        return {{"gpu", Grade::warning, found.error().message,
                 "engines with a [gpu] table will not start; look at the driver"}};
    }
    if (found->empty()) return {{"gpu", Grade::good, "none"}};
    std::vector<Finding> out;
    for (const auto& gpu : *found) {
        out.push_back({"gpu", Grade::good,
                       fmt::format("{}, {} of it in use", engines::describe(gpu),
                                   show_bytes(gpu.memory_used))});
    }
    return out;
}

Finding disk(const ServerSettings& settings) {
    const auto folder = nearest(settings.data);
    struct statvfs status {};
    Finding out{"disk", Grade::good, {}};
    if (::statvfs(folder.c_str(), &status) != 0) {
        out.grade = Grade::bad;
        out.found = folder.string() + ": " + std::strerror(errno);
        return out;
    }
    const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
    out.found = fmt::format("{} free at {}", show_bytes(free), folder.string());
    if (free < settings.job_log.low_water.free_bytes) {
        out.grade = Grade::bad;
        out.advice = "below retention.low_disk_bytes new jobs and files are refused with 503";
    }
    struct statfs kind {};
    if (::statfs(folder.c_str(), &kind) == 0) {
        if (kind.f_type == TMPFS_MAGIC) {
            out.grade = std::max(out.grade, Grade::warning);
            out.advice = "this is memory: accepted jobs do not survive the machine";
        } else if (kind.f_type == NFS_SUPER_MAGIC) {
            out.grade = std::max(out.grade, Grade::warning);
            out.advice = "SQLite is not safe on NFS: use a local disk, or PostgreSQL";
        }
    }
    return out;
}

/// What one durable job waits for at least, when it comes alone.
Finding fsync_time(const ServerSettings& settings) {
    const auto folder = nearest(settings.data);
    std::string name = (folder / ".headrace-doctor-XXXXXX").string();
    const UniqueFd file(::mkostemp(name.data(), O_CLOEXEC));
    Finding out{"fsync", Grade::good, {}};
    if (!file) {
        out.grade = Grade::bad;
        out.found = fmt::format("cannot write in {}: {}", folder.string(), std::strerror(errno));
        out.advice = "give the server a data folder of its own: server.data";
        return out;
    }
    ::unlink(name.c_str());
    const std::array<char, 512> block{};
    std::vector<double> took;
    for (int i = 0; i < kFsyncs; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        if (::write(file.get(), block.data(), block.size()) < 0 || ::fdatasync(file.get()) != 0) {
            out.grade = Grade::bad;
            out.found = std::string("fails: ") + std::strerror(errno);
            return out;
        }
        const std::chrono::duration<double, std::milli> past =
            std::chrono::steady_clock::now() - begin;
        took.push_back(past.count());
    }
    std::ranges::sort(took);
    const double median = took[took.size() / 2];
    out.found = fmt::format("{:.2f} ms (median of {})", median, kFsyncs);
    if (median > kSlowFsyncMs) {
        out.grade = Grade::warning;
        out.advice = "each durable job waits for one: a faster disk helps";
    }
    return out;
}

Finding open_files(const ServerSettings& settings) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    // Both doors full, and some room for files and engines.
    const std::uint64_t wanted =
        settings.client.limits.connections + settings.control.limits.connections + 1024;
    Finding out{"open files", Grade::good,
                fmt::format("{} (at most {})", limit.rlim_cur, limit.rlim_max)};
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) {
        out.grade = Grade::warning;
        out.advice = fmt::format(
            "limits.connections on both doors can need {}: LimitNOFILE= in the unit, or ulimit -n",
            wanted);
    }
    return out;
}

Finding clock_state() {
    timex state{};
    const int answer = ::adjtimex(&state);
    Finding out{"clock", Grade::good, "synchronised"};
    const bool loose = answer == TIME_ERROR || (state.status & STA_UNSYNC) != 0;
    if (answer < 0) {
        out.found = "its state is hidden here";
    } else if (loose) {
        out.grade = Grade::warning;
        out.found = "not synchronised";
        out.advice = "run chrony or systemd-timesyncd: expiry, signed addresses and logs go by it";
    }
    return out;
}

}  // namespace

std::string_view to_string(Finding::Grade grade) {
    switch (grade) {
        case Grade::good:
            return "ok";
        case Grade::warning:
            return "warn";
        case Grade::bad:
            return "FAIL";
    }
    return "FAIL";
}

std::vector<Finding> examine_machine(const ServerSettings& settings) {
    std::vector<Finding> out{cpu(), memory()};
    for (auto& gpu : gpus(settings.engines.gpu_tool)) out.push_back(std::move(gpu));
    out.push_back(disk(settings));
    out.push_back(fsync_time(settings));
    out.push_back(open_files(settings));
    out.push_back(clock_state());
    return out;
}

}  // namespace headrace::main
