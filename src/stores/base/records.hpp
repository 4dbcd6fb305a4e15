#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "jobs/job.hpp"
#include "jobs/ports.hpp"

/// Rows of jobs.db from records and back. Columns that queries filter by stand apart; the rest is
/// one body. Every body begins with a format number, so that a later program reads what this one
/// wrote.
namespace headrace::stores {

/// The body of a job's row: everything but tenant, id, state, caller, capability, version and the
/// payloads.
std::string encode_job(const jobs::JobRecord& record);
/// Fills `record` from a body; false when it is not one.
bool decode_job(std::string_view body, jobs::JobRecord& record);

std::string encode_payload(const jobs::Payload& payload);
bool decode_payload(std::string_view body, jobs::Payload& payload);

/// Everything but tenant and id.
std::string encode_file(const jobs::FileRecord& record);
bool decode_file(std::string_view body, jobs::FileRecord& record);

/// Everything but tenant, job, capability and version.
std::string encode_usage(const jobs::UsageRecord& record);
bool decode_usage(std::string_view body, jobs::UsageRecord& record);

/// A payload as one self-checking column: its checksum (over `part`, tenant and job too), its body.
std::string seal_payload(std::string_view part, const TenantId& tenant, const JobId& job,
                         const jobs::Payload& payload);
/// `internal`, naming the job, when it is damaged.
Result<std::shared_ptr<const jobs::Payload>> open_payload(std::string_view part,
                                                          const TenantId& tenant, const JobId& job,
                                                          std::string_view column);

/// The checksum column of a job's row.
std::int64_t job_sum(std::string_view table, const jobs::JobRecord& record, std::string_view body);

/// The checksum column of an idempotency key's row.
std::int64_t idempotency_sum(const TenantId& tenant, std::string_view key, std::string_view job,
                             WallMs created_at, std::string_view request);

/// The error of a row whose checksum or body is wrong.
[[nodiscard]] tl::unexpected<Error> damaged_row(std::string_view table, const Uuid& id);

/// Whether a list shows this file.
bool lists(const jobs::FileQuery& query, const jobs::FileRecord& file, WallMs now);

}  // namespace headrace::stores
