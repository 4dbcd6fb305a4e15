#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"

namespace headrace::stores {

/// How far a write-ahead log had come when its last commit was acknowledged.
struct MarkedLog {
    std::string salts;         // eight bytes of the log's head: which log is meant
    std::uint64_t frames = 0;  // that were in it, the commit's own among them
};

/// Keeps that in a small file, `<database>-mark`. It is written after the commit's sync and not
/// synced itself, so whatever a crash leaves of it speaks of frames that had reached the disk: with
/// fewer of them the log is damaged, and not torn. Belongs to the thread of its database.
class WalMark {
  public:
    /// Null when the file cannot be made: then nobody can tell the one from the other.
    static std::unique_ptr<WalMark> open(const std::string& database);
    void note(std::uint64_t frames);

  private:
    WalMark(std::string database, UniqueFd file)
        : database_(std::move(database)), file_(std::move(file)) {}

    std::string database_;
    UniqueFd file_;
    UniqueFd log_;
};

/// What stands there; nothing when it is absent, torn or of another program.
std::optional<MarkedLog> read_mark(const std::string& database);

}  // namespace headrace::stores
