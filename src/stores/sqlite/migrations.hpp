#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// One step of a database's schema. Numbers count from 1; a step that has been released never
/// changes.
struct Migration {
    int number = 0;
    Sql text;
};

/// Brings the schema up to the last step, each in a transaction of its own. Refuses (`internal`) a
/// database of a newer program, or one whose steps differ from ours.
Result<void> migrate(Database& database, std::span<const Migration> steps);

/// Opens a database file of ours for the first time in this process: checks the write-ahead log and
/// the file for damage, then migrates. `internal` and a message that names the file when damaged.
///
/// The whole file is checked while it is below `full_check_bytes`, so that a start stays quick;
/// every row carries a checksum besides, which is looked at whenever it is read.
Result<Database> open_checked(const std::string& path, std::span<const Migration> steps,
                              const DatabaseOptions& options = {},
                              std::uint64_t full_check_bytes = 32ULL << 20);

}  // namespace headrace::stores
