#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "stores/sqlite/wal_mark.hpp"

namespace headrace::stores {

/// SQLite reads its write-ahead log up to the first frame whose checksum is wrong and drops the
/// rest in silence: right for a commit that a power cut tore, wrong for a damaged commit that was
/// already acknowledged. As every commit is synced before the next begins, only the last one can be
/// torn: a bad frame with a whole later commit behind it is damage, and `internal` here. So is a
/// log that holds less than its `mark` says was acknowledged. No file, or an empty one: fine, as
/// its content may have been moved into the database.
Result<void> check_wal(const std::string& path, const std::optional<MarkedLog>& mark);

/// `internal` when the file does not begin as a database does; a database of ours is never empty.
Result<void> check_head(const std::string& path);

/// `internal` when the database file is shorter than its head says. Call when the log is empty.
Result<void> check_file_size(const std::string& path);

}  // namespace headrace::stores
