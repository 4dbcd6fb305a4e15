#include "stores/postgres/reader.hpp"

#include <algorithm>

#include "stores/base/records.hpp"

namespace headrace::stores {
namespace {

constexpr std::chrono::milliseconds kPause{250};  // between two tries to connect

#define HEADRACE_JOB "j.id, j.state, j.caller, j.capability, j.version, j.body, j.tenant"

const PgStatement kSetEpoch{"set_epoch", "SELECT set_config('headrace.epoch', $1::text, true)"};
const PgStatement kFetch{"fetch_open", "FETCH 2000 FROM open_jobs"};
const PgStatement kGet{"read_job", "SELECT " HEADRACE_JOB
                                   ", j.output FROM jobs j WHERE tenant = $1::text AND id = "
                                   "$2::uuid"};
const PgStatement kInput{"read_input",
                         "SELECT input FROM jobs WHERE tenant = $1::text AND id = $2::uuid"};
const PgStatement kByKey{"read_by_key", "SELECT " HEADRACE_JOB
                                        ", j.output, i.request FROM idempotency i JOIN jobs j "
                                        "ON j.tenant = i.tenant AND j.id = i.job "
                                        "WHERE i.tenant = $1::text AND i.key = $2::text "
                                        "AND i.created_at > $3::int8"};
const PgStatement kUsage{
    "read_usage",
    "SELECT job, capability, version, body FROM usage WHERE tenant = $1::text "
    "AND job < $2::uuid AND ($3::text = '' OR capability = $3) AND ($4::text = '' OR version = $4) "
    "AND finished_at >= $5::int8 AND finished_at < $6::int8 ORDER BY job DESC LIMIT $7::int8"};
const PgStatement kFile{"read_file",
                        "SELECT body FROM files WHERE tenant = $1::text AND id = $2::uuid"};
const PgStatement kFilesDown{
    "read_files_down",
    "SELECT id, body FROM files WHERE tenant = $1::text AND job IS NULL AND id < $2::uuid "
    "ORDER BY id DESC LIMIT $3::int8"};
const PgStatement kFilesUp{
    "read_files_up",
    "SELECT id, body FROM files WHERE tenant = $1::text AND job IS NULL AND id > $2::uuid "
    "ORDER BY id LIMIT $3::int8"};
const PgStatement kNextTenant{"read_next_tenant",
                              "SELECT min(tenant) FROM blob_refs WHERE tenant > $1::text"};
const PgStatement kRefers{
    "read_refers",
    "SELECT EXISTS (SELECT FROM blob_refs WHERE tenant = $1::text AND digest = $2::bytea)"};

// The order of jobs_for_claim, so that each wish costs what it takes.
const PgStatement kClaim{
    "claim",
    "WITH picked AS MATERIALIZED (SELECT p.tenant, p.id FROM "
    "unnest($2::text[], $3::text[], $4::int8[]) AS w(capability, version, most) "
    "CROSS JOIN LATERAL (SELECT tenant, id FROM jobs WHERE ended IS NULL AND owner = 0 "
    "AND capability = w.capability AND version = w.version "
    "ORDER BY priority DESC, stamp, id LIMIT w.most FOR UPDATE SKIP LOCKED) AS p) "
    "UPDATE jobs j SET owner = $1::int8, claim = $5::int8 FROM picked WHERE j.tenant = "
    "picked.tenant "
    "AND j.id = picked.id RETURNING " HEADRACE_JOB ", j.priority, j.stamp"};

const PgStatement kGiveBack{
    "give_back",
    "UPDATE jobs SET owner = 0 WHERE ended IS NULL AND owner = $1::int8 AND claim = $2::int8"};

const PgStatement kRecall{"recall",
                          "UPDATE jobs j SET owner = $1::int8 WHERE tenant = $2::text "
                          "AND id = $3::uuid AND ended IS NULL AND owner = 0 "
                          "RETURNING " HEADRACE_JOB};
const PgStatement kAskCancel{
    "ask_cancel",
    "SELECT pg_notify('headrace_cancel', owner || ' ' || id || ' ' || tenant) FROM jobs "
    "WHERE tenant = $1::text AND id = $2::uuid AND ended IS NULL AND owner <> 0"};

Result<jobs::JobRecord> job_in(const PgRows& rows, int row) {
    jobs::JobRecord job;
    job.id = JobId::from_raw(rows.bytes(row, 0)).value_or(JobId{});
    job.state = static_cast<jobs::JobState>(rows.small(row, 1));
    job.caller = rows.bytes(row, 2);
    job.capability = rows.bytes(row, 3);
    job.version = rows.bytes(row, 4);
    job.tenant = TenantId(std::string(rows.bytes(row, 6)));
    if (!decode_job(rows.bytes(row, 5), job)) return damaged_row("jobs", job.id);
    return job;
}

Result<std::shared_ptr<const jobs::Payload>> payload_in(const PgRows& rows, int row, int column,
                                                        const Uuid& id) {
    if (rows.is_null(row, column)) return nullptr;
    auto payload = std::make_shared<jobs::Payload>();
    if (!decode_payload(rows.bytes(row, column), *payload)) return damaged_row("jobs", id);
    return payload;
}

Result<jobs::JobRecord> job_with_output(const PgRows& rows, int row) {
    auto job = job_in(rows, row);
    if (!job) return job;
    auto output = payload_in(rows, row, 7, job->id);
    if (!output) return fail(output.error());
    job->output = std::move(*output);
    return job;
}

}  // namespace

Result<void> PgReader::connect() {
    if (connection_ && !connection_->lost()) return {};
    const auto now = std::chrono::steady_clock::now();
    if (now < next_try_) {
        return fail(Error{ErrorCode::unavailable, "there is no connection to PostgreSQL", {}, 2});
    }
    auto opened = PgConnection::open(settings_, PgRole::reader);
    if (!opened) {
        next_try_ = std::chrono::steady_clock::now() + kPause;
        return fail(Error{ErrorCode::unavailable, opened.error().message, {}, 2});
    }
    connection_ = std::move(*opened);
    return {};
}

Result<PgRows> PgReader::call(const PgStatement& statement, const PgParameters& parameters) {
    for (bool again = false;; again = true) {
        if (auto connected = connect(); !connected) return fail(connected.error());
        auto rows = connection_->call(statement, parameters);
        if (rows || again || !connection_->lost()) return rows;
    }
}

// A cursor, since there may be a million; its statement takes no parameters, so the epoch is a
// setting of the transaction.
Result<void> read_open_jobs(PgConnection& connection, std::uint64_t epoch,
                            const jobs::JobLog::TakeJob& take) {
    if (auto begun = connection.execute("BEGIN"); !begun) return begun;
    const auto set = connection.call(kSetEpoch, PgParameters().text(std::to_string(epoch)));
    if (!set) return fail(set.error());
    auto declared = connection.execute(
        "DECLARE open_jobs NO SCROLL CURSOR FOR SELECT " HEADRACE_JOB
        " FROM jobs j WHERE ended IS NULL AND owner = current_setting('headrace.epoch')::int8 "
        "ORDER BY id");
    if (!declared) return declared;
    for (;;) {
        const auto rows = connection.call(kFetch);
        if (!rows) return fail(rows.error());
        for (int row = 0; row < rows->size(); ++row) {
            auto job = job_in(*rows, row);
            if (!job) return fail(job.error());
            take(std::move(*job));
        }
        if (rows->size() == 0) return connection.execute("ROLLBACK");
    }
}

Result<std::optional<jobs::JobRecord>> PgReader::get(const TenantId& tenant, const JobId& id) {
    const auto rows = call(kGet, PgParameters().text(tenant.name).uuid(id));
    if (!rows) return fail(rows.error());
    if (rows->size() == 0) return std::nullopt;
    auto job = job_with_output(*rows, 0);
    if (!job) return fail(job.error());
    return std::optional(std::move(*job));
}

Result<std::vector<jobs::JobRecord>> PgReader::list(const jobs::JobQuery& query) {
    const auto rows = call(list_statement(query), list_parameters(query));
    if (!rows) return fail(rows.error());
    std::vector<jobs::JobRecord> out;
    for (int row = 0; row < rows->size(); ++row) {
        auto job = job_with_output(*rows, row);
        if (!job) return fail(job.error());
        out.push_back(std::move(*job));
    }
    return out;
}

Result<std::shared_ptr<const jobs::Payload>> PgReader::load_input(const TenantId& tenant,
                                                                  const JobId& id) {
    const auto rows = call(kInput, PgParameters().text(tenant.name).uuid(id));
    if (!rows) return fail(rows.error());
    if (rows->size() == 0) return nullptr;
    return payload_in(*rows, 0, 0, id);
}

Result<std::optional<jobs::JobRecord>> PgReader::find_idempotent(const TenantId& tenant,
                                                                 const std::string& key,
                                                                 WallMs after) {
    const auto rows = call(kByKey, PgParameters().text(tenant.name).text(key).big(after));
    if (!rows) return fail(rows.error());
    if (rows->size() == 0) return std::nullopt;
    auto job = job_with_output(*rows, 0);
    if (!job) return fail(job.error());
    // The core lets go of the key once a job is accepted: its own row may not know it any more.
    auto& idempotency = job->idempotency.emplace();
    idempotency.key = key;
    const auto request = rows->bytes(0, 8);
    std::copy_n(request.begin(), std::min(request.size(), idempotency.body.size()),
                idempotency.body.begin());
    return std::optional(std::move(*job));
}

Result<std::vector<jobs::UsageRecord>> PgReader::usage(const jobs::UsageQuery& query, WallMs now) {
    const auto at = query.capability.find('@');
    PgParameters parameters;
    parameters.text(query.tenant.name)
        .uuid(query.before ? Uuid(*query.before) : *Uuid::from_raw(std::string(16, '\xff')))
        .text(query.capability.substr(0, at))
        .text(at == std::string::npos ? "" : query.capability.substr(at + 1))
        .big(query.from)
        .big(query.to == 0 ? now + 1 : query.to)
        .big(query.limit);
    const auto rows = call(kUsage, parameters);
    if (!rows) return fail(rows.error());
    std::vector<jobs::UsageRecord> out;
    for (int row = 0; row < rows->size(); ++row) {
        jobs::UsageRecord record;
        record.job = JobId::from_raw(rows->bytes(row, 0)).value_or(JobId{});
        record.tenant = query.tenant;
        record.capability = rows->bytes(row, 1);
        record.version = rows->bytes(row, 2);
        if (!decode_usage(rows->bytes(row, 3), record)) return damaged_row("usage", record.job);
        out.push_back(std::move(record));
    }
    return out;
}

Result<std::optional<jobs::FileRecord>> PgReader::get_file(const TenantId& tenant, const FileId& id,
                                                           WallMs now) {
    const auto rows = call(kFile, PgParameters().text(tenant.name).uuid(id));
    if (!rows) return fail(rows.error());
    if (rows->size() == 0) return std::nullopt;
    jobs::FileRecord record;
    record.id = id;
    record.tenant = tenant;
    if (!decode_file(rows->bytes(0, 0), record)) return damaged_row("files", id);
    if (record.expires_at != 0 && record.expires_at <= now) return std::nullopt;
    return std::optional(std::move(record));
}

/// Page by page, since purposes lie in the bodies.
Result<std::vector<jobs::FileRecord>> PgReader::list_files(const jobs::FileQuery& query,
                                                           WallMs now) {
    constexpr int kPage = 200;
    Uuid after = query.oldest_first ? Uuid{} : *Uuid::from_raw(std::string(16, '\xff'));
    if (query.after) after = *query.after;
    std::vector<jobs::FileRecord> out;
    while (true) {
        const auto rows = call(query.oldest_first ? kFilesUp : kFilesDown,
                               PgParameters().text(query.tenant.name).uuid(after).big(kPage));
        if (!rows) return fail(rows.error());
        for (int row = 0; row < rows->size(); ++row) {
            jobs::FileRecord record;
            record.id = FileId::from_raw(rows->bytes(row, 0)).value_or(FileId{});
            record.tenant = query.tenant;
            after = record.id;
            if (!decode_file(rows->bytes(row, 1), record)) return damaged_row("files", record.id);
            if (!lists(query, record, now)) continue;
            out.push_back(std::move(record));
            if (out.size() >= query.limit) return out;
        }
        if (rows->size() < kPage) return out;
    }
}

/// What a claim has taken whose answer was lost is given back: nobody here knows of it.
Result<void> PgReader::give_back_doubted(std::uint64_t epoch) {
    if (!claim_doubted_) return {};
    const auto done =
        call(kGiveBack, PgParameters().big(static_cast<std::int64_t>(epoch)).big(claim_));
    if (!done) return fail(done.error());
    claim_doubted_ = false;
    return {};
}

Result<std::vector<jobs::JobRecord>> PgReader::claim(const std::vector<jobs::ClaimWish>& wishes,
                                                     std::uint64_t epoch) {
    if (auto ready = give_back_doubted(epoch); !ready) return fail(ready.error());
    if (auto connected = connect(); !connected) return fail(connected.error());
    PgArray capability(PgType::text), version(PgType::text), most(PgType::big);
    for (const auto& wish : wishes) {
        capability.add(wish.capability);
        version.add(wish.version);
        most.add_big(wish.most);
    }
    PgParameters parameters;
    parameters.big(static_cast<std::int64_t>(epoch)).array(capability).array(version).array(most);
    parameters.big(++claim_);
    const auto rows = connection_->call(kClaim, std::move(parameters));
    if (!rows) {
        claim_doubted_ = connection_->lost();
        return fail(rows.error());
    }
    std::vector<jobs::JobRecord> out;
    for (int row = 0; row < rows->size(); ++row) {
        auto job = job_in(*rows, row);
        if (!job) return fail(job.error());
        out.push_back(std::move(*job));
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        if (a.priority != b.priority) return a.priority > b.priority;
        return a.share_stamp != b.share_stamp ? a.share_stamp < b.share_stamp : a.id < b.id;
    });
    return out;
}

Result<std::optional<jobs::JobRecord>> PgReader::recall(const TenantId& tenant, const JobId& id,
                                                        bool cancel, std::uint64_t epoch) {
    PgParameters parameters;
    parameters.big(static_cast<std::int64_t>(epoch)).text(tenant.name).uuid(id);
    const auto rows = call(kRecall, parameters);
    if (!rows) return fail(rows.error());
    if (rows->size() == 1) {
        auto job = job_in(*rows, 0);
        if (!job) return fail(job.error());
        return std::optional(std::move(*job));
    }
    if (!cancel) return std::nullopt;
    const auto asked = call(kAskCancel, PgParameters().text(tenant.name).uuid(id));
    if (!asked) return fail(asked.error());
    return std::nullopt;
}

Result<std::vector<TenantId>> PgReader::tenants_with_blobs() {
    std::vector<TenantId> out;
    std::string last;
    for (;;) {
        const auto rows = call(kNextTenant, PgParameters().text(last));
        if (!rows) return fail(rows.error());
        if (rows->is_null(0, 0)) return out;
        last = rows->bytes(0, 0);
        out.emplace_back(last);
    }
}

Result<bool> PgReader::refers(const TenantId& tenant, const Sha256& digest) {
    const auto rows = call(
        kRefers, PgParameters().text(tenant.name).bytes(std::string(digest.begin(), digest.end())));
    if (!rows) return fail(rows.error());
    return rows->bytes(0, 0) == std::string_view("\1", 1);
}

}  // namespace headrace::stores
