#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace::main {

/// The request log on disk: a folder (mode 0700) with files (mode 0600) of one JSON line a call,
/// `requests-2026-11-29.jsonl` and, once that is large, `requests-2026-11-29.1.jsonl` and so on.
/// Days are UTC. One thread at a time; who reads needs none of it.
class RequestFiles {
  public:
    /// Makes the folder. Error unavailable: it cannot be made or written.
    static Result<RequestFiles> open(std::filesystem::path folder, std::uint64_t most_bytes,
                                     std::uint32_t keep_days);

    /// Whole lines. False: they could not be written.
    bool append(std::string_view lines, WallMs now);
    /// Removes the files of days that are more than keep_days past; gives how many.
    std::size_t expire(WallMs now);

  private:
    RequestFiles() = default;
    bool turn_to(const std::string& day, std::size_t bytes);

    std::filesystem::path folder_;
    std::uint64_t most_bytes_ = 0;
    std::uint32_t keep_days_ = 0;
    std::string day_;
    std::uint32_t part_ = 0;
    std::uint64_t size_ = 0;
    UniqueFd file_;
};

/// A day's file, or a part of it.
struct RequestFile {
    std::filesystem::path path;
    std::string day;  // "2026-11-29"
    std::uint32_t part = 0;
};

/// What is there, newest first.
std::vector<RequestFile> request_files(const std::filesystem::path& folder);

}  // namespace headrace::main
