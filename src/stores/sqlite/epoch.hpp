#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// Raises the epoch of jobs.db in the transaction that its caller has begun, and gives the new one.
Result<std::uint64_t> raise_epoch(Database& database, std::int64_t by);

}  // namespace headrace::stores
