#include "engines/gpu.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace headrace::engines {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::size_t kMostOutput = 256 * 1024;
constexpr std::chrono::seconds kPatience{10};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

std::string_view cut(std::string_view& rest, char at) {
    const auto end = std::min(rest.find(at), rest.size());
    const auto piece = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return trimmed(piece);
}

template <class T>
bool number(std::string_view text, T& to) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    return error == std::errc() && end == text.data() + text.size();
}

bool read_line(std::string_view line, Gpu& gpu) {
    std::uint64_t total = 0;
    std::uint64_t used = 0;
    if (!number(cut(line, ','), gpu.index)) return false;
    gpu.uuid = cut(line, ',');
    gpu.name = cut(line, ',');
    // Shared and embedded GPUs say "[N/A]": how much there is, nobody knows.
    if (!number(cut(line, ','), total)) total = 0;
    if (!number(cut(line, ','), used)) used = 0;
    gpu.memory_total = total * kMiB;
    gpu.memory_used = used * kMiB;
    return gpu.uuid.starts_with("GPU-") || gpu.uuid.starts_with("MIG-");
}

/// Everything that the child writes, within the patience; empty and killed after that.
std::string read_all(int fd, pid_t child) {
    std::string out;
    std::array<char, 4096> buffer;
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (out.size() < kMostOutput) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        pollfd wait{fd, POLLIN, 0};
        const int ready = left.count() > 0 ? ::poll(&wait, 1, static_cast<int>(left.count())) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            ::kill(child, SIGKILL);
            return {};
        }
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got <= 0) break;
        out.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return out;
}

}  // namespace

Result<std::vector<Gpu>> parse_gpus(std::string_view csv) {
    std::vector<Gpu> out;
    while (!csv.empty()) {
        const auto line = cut(csv, '\n');
        if (line.empty() || line.starts_with("No devices")) continue;
        Gpu gpu;
        if (!read_line(line, gpu)) {
            return fail(ErrorCode::internal, fmt::format("a GPU that cannot be read: {}", line));
        }
        out.push_back(std::move(gpu));
    }
    return out;
}

Result<std::vector<Gpu>> list_gpus(const std::string& program) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail(ErrorCode::unavailable, fmt::format("no pipe: {}", std::strerror(errno)));
    }
    const UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    std::array<std::string, 3> words = {program,
                                        "--query-gpu=index,uuid,name,memory.total,memory.used",
                                        "--format=csv,noheader,nounits"};
    std::array<char*, 4> arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), 1);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t child = -1;
    const int error =
        ::posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT) return std::vector<Gpu>{};
    if (error != 0) {
        return fail(ErrorCode::unavailable, fmt::format("{}: {}", program, std::strerror(error)));
    }
    theirs.reset();
    const std::string text = read_all(ours.get(), child);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    // 6 and 9: no device, no driver. A machine without a GPU may well have the tool.
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 6 || WEXITSTATUS(status) == 9)) {
        return std::vector<Gpu>{};
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return fail(ErrorCode::unavailable, program + " failed: " + text.substr(0, 200));
    }
    return parse_gpus(text);
}

std::uint64_t GpuBook::promised(const std::string& uuid) const {
    std::uint64_t sum = 0;
    for (const auto& [holder, shares] : shares_) {
        for (const auto& share : shares) {
            if (share.uuid == uuid) sum += share.bytes;
        }
    }
    return sum;
}

Result<std::vector<Gpu>> GpuBook::take(const std::string& holder, const GpuNeed& need) {
    give_back(holder);
    std::vector<std::pair<std::uint64_t, const Gpu*>> room;
    for (const auto& gpu : gpus_) {
        const auto taken = promised(gpu.uuid);
        const auto wanted = need.memory > 0 ? need.memory : gpu.memory_total;
        const bool fits = need.memory > 0 ? taken + wanted <= gpu.memory_total : taken == 0;
        if (fits) room.emplace_back(gpu.memory_total - taken, &gpu);
    }
    std::ranges::stable_sort(room, std::greater<>{}, &decltype(room)::value_type::first);
    if (room.size() < need.count) {
        const std::string each = need.memory > 0
                                     ? fmt::format("with {} MiB free", need.memory / kMiB)
                                     : std::string("that nobody else has");
        return fail(ErrorCode::unavailable,
                    fmt::format("{} GPUs {} are needed, {} of {} are there", need.count, each,
                                room.size(), gpus_.size()));
    }
    std::vector<Gpu> out;
    for (std::uint32_t i = 0; i < need.count; ++i) {
        const Gpu& gpu = *room[i].second;
        shares_[holder].push_back({gpu.uuid, need.memory > 0
                                                 ? need.memory
                                                 : std::max<std::uint64_t>(gpu.memory_total, 1)});
        out.push_back(gpu);
    }
    return out;
}

void GpuBook::give_back(const std::string& holder) {
    shares_.erase(holder);
}

std::string describe(const Gpu& gpu) {
    return fmt::format("{} {}, {} GiB", gpu.index, gpu.name,
                       (gpu.memory_total + (1ULL << 29)) >> 30);
}

}  // namespace headrace::engines
