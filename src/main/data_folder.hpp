#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace::main {

/// The data folder, held by this process alone: the kernel drops the lock with the process, however
/// it ends. Engines do not inherit it.
class DataFolder {
  public:
    /// Makes the folder (mode 0700) where it is not there. `conflict` names the process that holds it.
    static Result<DataFolder> open(const std::filesystem::path& path);
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    DataFolder(std::filesystem::path path, UniqueFd lock)
        : path_(std::move(path)), lock_(std::move(lock)) {}
    std::filesystem::path path_;
    UniqueFd lock_;
};

}  // namespace headrace::main
