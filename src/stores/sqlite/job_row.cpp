#include "stores/sqlite/job_row.hpp"

#include "stores/base/records.hpp"

namespace headrace::stores {

Result<jobs::JobRecord> read_job_row(std::string_view table, const TenantId& tenant,
                                     const Statement& row) {
    jobs::JobRecord job;
    const auto id = JobId::from_raw(row.bytes(0));
    if (!id) return damaged_row(table, Uuid{});
    job.id = *id;
    job.tenant = tenant;
    const std::int64_t state = row.integer(1);
    job.state = static_cast<jobs::JobState>(state);
    job.caller = row.bytes(2);
    job.capability = row.bytes(3);
    job.version = row.bytes(4);
    const std::string_view body = row.bytes(6);
    const bool sound = state >= 0 && state <= static_cast<std::int64_t>(jobs::JobState::expired) &&
                       job_sum(table, job, body) == row.integer(5) && decode_job(body, job);
    if (!sound) return damaged_row(table, *id);
    return job;
}

}  // namespace headrace::stores
