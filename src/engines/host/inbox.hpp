#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace::engines::host {

/// One media value that came in chunks. Above kSpoolAbove it lies in a file that has no name any
/// more, so that nothing is left behind however the process ends; `path` leads to it through /proc.
class Part {
  public:
    static constexpr std::size_t kSpoolAbove = 1 << 20;

    Result<void> add(std::string_view piece);
    [[nodiscard]] const std::string& data() const { return data_; }  // empty when it is in a file
    [[nodiscard]] const std::string& path() const { return path_; }  // empty when it is in memory
    [[nodiscard]] std::uint64_t size() const { return size_; }

  private:
    Result<void> spool();

    std::string data_;
    UniqueFd file_;
    std::string path_;
    std::uint64_t size_ = 0;
};

/// Collects what a lease announced: the serialized values (part 0) and the media parts.
class Inbox {
  public:
    Inbox(std::string values, std::uint64_t values_size, std::uint32_t parts);

    [[nodiscard]] bool complete() const { return missing_ == 0; }
    /// Errors: a part that is not awaited, or one of another size than announced.
    Result<void> add(std::uint32_t part, std::string_view piece, bool last);
    [[nodiscard]] const std::string& values() const { return values_; }
    /// Null when there is no such part.
    [[nodiscard]] const Part* part(std::uint32_t number) const;

  private:
    std::string values_;
    std::uint64_t values_size_;
    bool values_missing_;
    std::uint32_t missing_;
    struct Slot {
        Part part;
        bool whole = false;
    };
    std::map<std::uint32_t, Slot> parts_;
};

}  // namespace headrace::engines::host
