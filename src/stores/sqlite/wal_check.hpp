#pragma once

#include <string>

#include "base/result.hpp"

namespace headrace::stores {

/// SQLite reads its write-ahead log up to the first frame whose checksum is wrong and drops the
/// rest in silence: right for a commit that a power cut tore, wrong for a damaged commit that was
/// already acknowledged. As every commit is synced before the next begins, only the last one can be
/// torn: a bad frame with a whole later commit behind it is damage, and `internal` here. No file:
/// fine.
Result<void> check_wal(const std::string& path);

/// `internal` when the file does not begin as a database does; a database of ours is never empty.
Result<void> check_head(const std::string& path);

/// `internal` when the database file is shorter than its head says. Call when the log is empty.
Result<void> check_file_size(const std::string& path);

}  // namespace headrace::stores
