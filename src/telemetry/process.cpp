#include "telemetry/process.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "telemetry/metrics.hpp"

// Of mimalloc, which release builds are linked with.
extern "C" __attribute__((weak)) void mi_collect(bool force) noexcept;

namespace headrace::telemetry {
namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double open_files() {
    std::error_code error;
    double count = 0;
    for (auto at = std::filesystem::directory_iterator("/proc/self/fd", error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        ++count;
    }
    // The listing itself holds one.
    return count > 0 ? count - 1 : 0;
}

double max_files() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<double>(limit.rlim_cur);
}

struct Memory {
    double resident = 0;
    double virtual_size = 0;
};

Memory memory() {
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    std::ifstream in("/proc/self/statm");
    double size = 0;
    double resident = 0;
    in >> size >> resident;
    return {resident * page, size * page};
}

}  // namespace

ProcessUse process_use() {
    return {cpu_seconds(), static_cast<std::uint64_t>(memory().resident)};
}

void release_unused_memory() {
    if (mi_collect != nullptr)
        mi_collect(true);
    else
        malloc_trim(0);
}

void add_process_metrics(Registry& registry, const std::string& version) {
    registry.gauge("headrace_build_info", "Always 1; its label tells the version.", {"version"})
        .cell({version})
        .set(1);
    registry.gauge("process_start_time_seconds", "Start of the process since the Unix epoch.")
        .cell()
        .set(static_cast<double>(time(nullptr)));
    registry.read_counter("process_cpu_seconds_total", "User and system processor time spent.",
                          cpu_seconds);
    auto& resident = registry.gauge("process_resident_memory_bytes", "Resident memory.").cell();
    auto& size = registry.gauge("process_virtual_memory_bytes", "Virtual memory.").cell();
    auto& files = registry.gauge("process_open_fds", "Open file descriptors.").cell();
    auto& limit =
        registry.gauge("process_max_fds", "Most file descriptors that may be open.").cell();
    registry.on_render([&resident, &size, &files, &limit] {
        const auto now = memory();
        resident.set(now.resident);
        size.set(now.virtual_size);
        files.set(open_files());
        limit.set(max_files());
    });
}

}  // namespace headrace::telemetry
