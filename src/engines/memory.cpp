#include "engines/memory.hpp"

#include <fstream>
#include <string>

#include <unistd.h>

namespace headrace::engines {
namespace {

constexpr int kMostDepth = 8;

std::uint64_t resident_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    if (!(file >> total >> resident)) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t resident_tree(pid_t pid, int depth) {
    std::uint64_t sum = resident_of(pid);
    if (depth >= kMostDepth) return sum;
    // Children that other threads than the first have started are not seen; the kernel offers no
    // cheap list of all.
    const auto name = std::to_string(pid);
    std::ifstream children("/proc/" + name + "/task/" + name + "/children");
    for (pid_t child = 0; children >> child;) sum += resident_tree(child, depth + 1);
    return sum;
}

}  // namespace

std::uint64_t resident_bytes(pid_t pid) {
    return resident_tree(pid, 0);
}

}  // namespace headrace::engines
