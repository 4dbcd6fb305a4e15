#pragma once

#include <functional>
#include <string_view>

#include "jobs/job.hpp"
#include "stores/sqlite/database.hpp"

/// Rows of the two tables that usage records stand in, and the way from one to the other.
namespace headrace::stores {

/// The step of the schema of jobs.db that adds usage_blocks.
constexpr int kUsageBlocksStep = 3;

/// The first 36 bits of an id: those of jobs that were made in the same 4.096 s are the same.
std::uint64_t span_of(const JobId& job);

/// Columns: job, capability, version, sum, body. `internal`, naming the job, when it is damaged.
Result<jobs::UsageRecord> read_usage_row(const TenantId& tenant, const Statement& row);

using VisitUsage = std::function<Result<void>(const jobs::UsageRecord&)>;

/// Calls `visit` on each record of a block, oldest job first; ends at its first error. Columns:
/// last_job, first_job, earliest, latest, records, sum, body. `internal`, naming the last job, when
/// the block is damaged.
Result<void> read_usage_block(const TenantId& tenant, const Statement& row,
                              const VisitUsage& visit);

/// The sum column of a block.
std::int64_t usage_block_sum(std::string_view tenant, std::string_view first_job,
                             std::string_view last_job, WallMs earliest, WallMs latest,
                             std::int64_t records, std::string_view body);

/// Writes each record of the blocks as a row of its own, which a program before the blocks reads.
/// In its caller's transaction.
Result<void> spread_usage_blocks(Database& database);

}  // namespace headrace::stores
