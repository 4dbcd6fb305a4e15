#pragma once

#include <string_view>

#include "base/result.hpp"
#include "jobs/job.hpp"
#include "stores/sqlite/database.hpp"

namespace headrace::stores {

/// The job in the row a statement stands on, whose first columns are id, state, caller, capability,
/// version, sum, body. Payloads are not read. `internal`, naming table and id, when damaged.
Result<jobs::JobRecord> read_job_row(std::string_view table, const TenantId& tenant,
                                     const Statement& row);

}  // namespace headrace::stores
