#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace::main {

/// The lines of a file from its end to its beginning. Holds a block of it, and a line that is
/// longer than the block.
class LinesBackwards {
  public:
    /// Beyond this a line is none: nothing that is written here is that long.
    static constexpr std::size_t kLongest = 16 << 20;

    /// Before `end`, which is a line's beginning or the end of the file; what was written behind it
    /// meanwhile is not looked at.
    LinesBackwards(UniqueFd file, std::uint64_t end);

    /// The line before the last one, without its end; empty for one that is too long; nothing at
    /// the beginning of the file. Good until the next call. Error unavailable: it cannot be read.
    Result<std::optional<std::string_view>> next();
    /// Where the last line begins.
    [[nodiscard]] std::uint64_t at() const { return end_; }

  private:
    Result<void> read_more();
    std::string_view take(std::size_t from);

    UniqueFd file_;
    std::string block_;        // what lies before end_ and was read
    std::uint64_t start_ = 0;  // of the block
    std::uint64_t end_ = 0;    // of what was not given yet
    std::string line_;
    bool too_long_ = false;
};

}  // namespace headrace::main
