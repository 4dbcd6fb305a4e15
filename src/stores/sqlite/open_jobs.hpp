#pragma once

#include "base/result.hpp"
#include "jobs/ports.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// Hands over every row of open_jobs, oldest job first, one at a time: a million of them never
/// stand in memory together. `internal`, naming the id, when one is damaged.
Result<void> read_open_jobs(Database& database, const jobs::JobLog::TakeJob& take);

}  // namespace headrace::stores
