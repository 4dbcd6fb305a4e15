#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace {

/// A file that lines are appended to, mode 0640. Above `most_bytes` it becomes FILE.1, what was
/// FILE.1 becomes FILE.2, and so on; `keep` old ones stay. Whoever moves it away in between
/// (logrotate) is noticed at the next write. One thread at a time.
class RotatingFile {
  public:
    /// Error unavailable: the file cannot be opened, and why.
    static Result<RotatingFile> open(std::string path, std::uint64_t most_bytes,
                                     std::uint32_t keep);

    /// Whole lines. What cannot be written is lost: a full disk must not stop a server.
    void write(std::string_view lines);
    /// For a crash: may be called in a signal handler.
    [[nodiscard]] int descriptor() const { return file_.get(); }

  private:
    RotatingFile() = default;
    Result<void> reopen();
    void rotate();
    [[nodiscard]] bool was_moved() const;

    std::string path_;
    std::uint64_t most_bytes_ = 0;
    std::uint32_t keep_ = 0;
    std::uint64_t size_ = 0;
    UniqueFd file_;
};

}  // namespace headrace
