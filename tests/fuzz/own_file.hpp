#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace headrace::fuzz {

/// A file in memory for what only reads files; one for each process.
class OwnFile {
  public:
    explicit OwnFile(const std::string& name) {
        const bool memory = std::filesystem::is_directory("/dev/shm");
        std::string folder = memory ? "/dev/shm/fuzz-XXXXXX" : "/tmp/fuzz-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) std::abort();
        folder_ = folder;
        path_ = folder_ / name;
    }
    ~OwnFile() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    OwnFile(const OwnFile&) = delete;
    OwnFile& operator=(const OwnFile&) = delete;

    void write(std::string_view content) const {
        std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  private:
    std::filesystem::path folder_;
    std::filesystem::path path_;
};

}  // namespace headrace::fuzz
