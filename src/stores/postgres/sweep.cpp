#include "stores/postgres/sweep.hpp"

#include <vector>

#include "stores/base/records.hpp"
#include "stores/postgres/statements.hpp"

namespace headrace::stores {
namespace {

constexpr std::int64_t kStepRows = 300;

const PgStatement kKeys{
    "sweep_keys",
    "WITH old AS (SELECT tenant, key FROM idempotency WHERE created_at <= $1::int8 "
    "ORDER BY created_at LIMIT $2::int8) DELETE FROM idempotency i USING old "
    "WHERE i.tenant = old.tenant AND i.key = old.key AND i.created_at <= $1"};

const PgStatement kFiles{
    "sweep_files",
    "WITH old AS (SELECT tenant, id FROM files WHERE expires_at > 0 AND expires_at <= $1::int8 "
    "ORDER BY expires_at LIMIT $2::int8), "
    "freed AS (DELETE FROM blob_refs b USING old WHERE b.tenant = old.tenant "
    "AND b.owner = 'f'::bytea || uuid_send(old.id)) "
    "DELETE FROM files f USING old WHERE f.tenant = old.tenant AND f.id = old.id"};

const PgStatement kJobs{
    "sweep_jobs",
    "WITH old AS (SELECT tenant, id FROM jobs WHERE ended IS NOT NULL "
    "AND finished_at <= $1::int8 ORDER BY finished_at, id LIMIT $2::int8), "
    "gone AS (DELETE FROM files f USING old WHERE f.tenant = old.tenant AND f.job = old.id "
    "RETURNING f.tenant, f.id), "
    "owners AS (SELECT tenant, 'i'::bytea || uuid_send(id) AS owner FROM old "
    "UNION ALL SELECT tenant, 'o'::bytea || uuid_send(id) FROM old "
    "UNION ALL SELECT tenant, 'f'::bytea || uuid_send(id) FROM gone), "
    "freed AS (DELETE FROM blob_refs b USING owners o WHERE b.tenant = o.tenant "
    "AND b.owner = o.owner) "
    "DELETE FROM jobs j USING old WHERE j.tenant = old.tenant AND j.id = old.id"};

const PgStatement kUsage{"sweep_usage",
                         "DELETE FROM usage WHERE ctid = ANY(ARRAY(SELECT ctid FROM usage "
                         "WHERE finished_at <= $1::int8 LIMIT $2::int8))"};

const PgStatement kResults{
    "sweep_results",
    "SELECT tenant, id, body, finished_at FROM jobs WHERE ended IS NOT NULL "
    "AND finished_at > $1::int8 AND finished_at <= $2::int8 "
    "AND (output IS NOT NULL OR input IS NOT NULL) ORDER BY finished_at, id LIMIT $3::int8"};

WallMs before(WallMs now, std::chrono::hours kept) {
    return now - std::chrono::duration_cast<std::chrono::milliseconds>(kept).count();
}

}  // namespace

Result<Expired> PgSweep::run(WallMs now) {
    Expired out;
    const auto take = [](Result<std::uint64_t> count, std::uint64_t& into) -> Result<void> {
        if (!count) return fail(count.error());
        into = *count;
        return {};
    };
    auto done = take(repeat(kKeys, before(now, retention_.idempotency)), out.idempotency_keys);
    if (done) done = take(repeat(kFiles, now), out.files);
    if (done && retention_.jobs.count() > 0)
        done = take(repeat(kJobs, before(now, retention_.jobs)), out.jobs);
    if (done && retention_.results.count() > 0)
        done = take(results(before(now, retention_.results)), out.results);
    if (done && retention_.usage.count() > 0)
        done = take(repeat(kUsage, before(now, retention_.usage)), out.usage);
    if (!done) return fail(done.error());
    return out;
}

Result<std::uint64_t> PgSweep::repeat(const PgStatement& statement, WallMs until) {
    std::uint64_t count = 0;
    for (;;) {
        const auto rows = database_.call(statement, PgParameters().big(until).big(kStepRows));
        if (!rows) return fail(rows.error());
        count += static_cast<std::uint64_t>(rows->changed());
        if (rows->changed() < kStepRows) return count;
    }
}

Result<std::uint64_t> PgSweep::results(WallMs until) {
    std::uint64_t count = 0;
    for (;;) {
        const auto rows =
            database_.call(kResults, PgParameters().big(results_until_).big(until).big(kStepRows));
        if (!rows) return fail(rows.error());
        PgArray tenant(PgType::text), id(PgType::uuid), body(PgType::bytes);
        for (int row = 0; row < rows->size(); ++row) {
            jobs::JobRecord job;
            job.id = JobId::from_raw(rows->bytes(row, 1)).value_or(JobId{});
            if (!decode_job(rows->bytes(row, 2), job)) return damaged_row("jobs", job.id);
            job.output_removed = true;
            tenant.add(rows->bytes(row, 0));
            id.add(job.id);
            body.add(encode_job(job));
        }
        if (id.size() > 0) {
            PgParameters parameters;
            parameters.array(tenant).array(id).array(body);
            const auto stripped = database_.call(sql::kStrip, parameters);
            if (!stripped) return fail(stripped.error());
            count += static_cast<std::uint64_t>(stripped->size());
        }
        if (rows->size() < kStepRows) break;
        // The rest of the last millisecond comes again, without what was just removed.
        results_until_ = rows->big(rows->size() - 1, 3) - 1;
    }
    results_until_ = until;
    return count;
}

}  // namespace headrace::stores
