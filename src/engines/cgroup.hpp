#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace::engines {

/// Whether `folder` is a group of the unified hierarchy (cgroup v2). Error invalid_argument, in
/// words for the one who set it.
Result<void> check_cgroup(const std::filesystem::path& folder);

/// The group in which one host and all that it starts live, over its restarts: the kernel holds it
/// to its memory and to a number of processes, whatever it does. Removed with the object, and what
/// is still in it killed. Belongs to the supervisor's loop.
class Cgroup {
  public:
    /// A child of `parent`, which was delegated to us. When our own process lives in `parent`, it
    /// moves into a child of its own first, because only leaves may hold processes. `memory` in
    /// bytes, 0 = no bound. Error unavailable: which file of the group refuses what.
    static Result<std::unique_ptr<Cgroup>> make(const std::filesystem::path& parent,
                                                const std::string& host, std::uint64_t memory);
    ~Cgroup();
    Cgroup(const Cgroup&) = delete;
    Cgroup& operator=(const Cgroup&) = delete;

    /// Whoever writes "0" into it is in.
    [[nodiscard]] int entrance() const { return entrance_.get(); }
    /// How often the kernel killed in it because the memory was used up.
    [[nodiscard]] std::uint64_t memory_kills() const;
    /// SIGKILL to all in it, also to what has left its process group.
    void kill_all();

  private:
    explicit Cgroup(std::filesystem::path folder) : folder_(std::move(folder)) {}
    Result<void> set_up(std::uint64_t memory);

    std::filesystem::path folder_;
    UniqueFd entrance_;
};

}  // namespace headrace::engines
