#include "stores/sqlite/job_reader.hpp"

#include <algorithm>
#include <iterator>

#include "stores/base/records.hpp"
#include "stores/base/row_codec.hpp"
#include "stores/sqlite/job_row.hpp"
#include "stores/sqlite/usage_reader.hpp"

namespace headrace::stores {
namespace {

// An id above every other: where a list without a cursor begins.
const std::string kPastTheEnd(17, '\xff');

struct NameAndVersion {
    std::string name;
    std::string version;
};

NameAndVersion split(const std::string& capability) {
    const auto at = capability.find('@');
    if (at == std::string::npos) return {capability, ""};
    return {capability.substr(0, at), capability.substr(at + 1)};
}

bool newer(const jobs::JobRecord& a, const jobs::JobRecord& b) {
    return a.id > b.id;
}

}  // namespace

// The filters that no index serves stand in the statement all the same, so that a page is full.
JobReader::JobReader(Database& database)
    : database_(database),
      open_(database.prepare("SELECT id, state, caller, capability, version, sum, body "
                             "FROM open_jobs WHERE tenant = ? AND id = ?")),
      ended_(database.prepare("SELECT id, state, caller, capability, version, sum, body, output "
                              "FROM ended_jobs WHERE tenant = ? AND id = ?")),
      list_open_(database.prepare(
          "SELECT id, state, caller, capability, version, sum, body FROM open_jobs "
          "WHERE tenant = ?1 AND id < ?2 AND (?3 < 0 OR state = ?3) AND (?4 = '' OR capability = "
          "?4) "
          "AND (?5 = '' OR version = ?5) AND (?6 = 0 OR caller = ?7) ORDER BY id DESC LIMIT ?8")),
      list_ended_(database.prepare(
          "SELECT id, state, caller, capability, version, sum, body, output FROM ended_jobs "
          "WHERE tenant = ?1 AND id < ?2 AND (?3 < 0 OR state = ?3) AND (?4 = '' OR capability = "
          "?4) "
          "AND (?5 = '' OR version = ?5) AND (?6 = 0 OR caller = ?7) ORDER BY id DESC LIMIT ?8")),
      list_caller_(database.prepare(
          "SELECT id, state, caller, capability, version, sum, body, output "
          "FROM ended_jobs INDEXED BY ended_by_caller "
          "WHERE tenant = ?1 AND id < ?2 AND (?3 < 0 OR state = ?3) AND (?4 = '' OR capability = "
          "?4) "
          "AND (?5 = '' OR version = ?5) AND ?6 = 1 AND caller = ?7 ORDER BY id DESC LIMIT ?8")),
      list_state_(database.prepare(
          "SELECT id, state, caller, capability, version, sum, body, output "
          "FROM ended_jobs INDEXED BY ended_badly "
          "WHERE tenant = ?1 AND id < ?2 AND state = ?3 AND state > 2 AND (?4 = '' OR capability = "
          "?4) "
          "AND (?5 = '' OR version = ?5) AND (?6 = 0 OR caller = ?7) ORDER BY id DESC LIMIT ?8")),
      list_dead_(database.prepare(
          "SELECT id, state, caller, capability, version, sum, body, output "
          "FROM ended_jobs INDEXED BY ended_dead WHERE dead = 1 AND "
          "tenant = ?1 AND id < ?2 AND (?3 < 0 OR state = ?3) AND (?4 = '' OR capability = ?4) "
          "AND (?5 = '' OR version = ?5) AND (?6 = 0 OR caller = ?7) ORDER BY id DESC LIMIT ?8")),
      open_input_(database.prepare("SELECT input FROM open_jobs WHERE tenant = ? AND id = ?")),
      kept_input_(database.prepare("SELECT body FROM inputs WHERE tenant = ? AND job = ?")),
      idempotent_(database.prepare("SELECT job, created_at, request, sum FROM idempotency "
                                   "WHERE tenant = ? AND key = ? AND created_at > ?")),
      file_(database.prepare("SELECT sum, body FROM files WHERE tenant = ? AND id = ?")),
      files_down_(database.prepare("SELECT sum, body, id FROM files INDEXED BY files_uploaded "
                                   "WHERE tenant = ? AND job IS NULL AND id < ? "
                                   "ORDER BY id DESC")),
      files_up_(database.prepare("SELECT sum, body, id FROM files INDEXED BY files_uploaded "
                                 "WHERE tenant = ? AND job IS NULL AND id > ? ORDER BY id")) {}

Result<std::optional<jobs::JobRecord>> JobReader::get(const TenantId& tenant, const JobId& id) {
    const std::string raw = id.raw();
    open_.start(tenant.name, Blob{raw});
    const auto row = open_.step();
    if (!row) return fail(row.error());
    if (!*row) return get_ended(tenant, id);
    auto job = read_job_row("open_jobs", tenant, open_);
    open_.reset();
    if (!job) return fail(job.error());
    return std::optional(std::move(*job));
}

Result<std::optional<jobs::JobRecord>> JobReader::get_ended(const TenantId& tenant,
                                                            const JobId& id) {
    const std::string raw = id.raw();
    ended_.start(tenant.name, Blob{raw});
    const auto row = ended_.step();
    if (!row) return fail(row.error());
    if (!*row) return std::nullopt;
    auto job = read_ended(tenant, ended_);
    ended_.reset();
    if (!job) return fail(job.error());
    return std::optional(std::move(*job));
}

Result<jobs::JobRecord> JobReader::read_ended(const TenantId& tenant, const Statement& row) {
    auto job = read_job_row("ended_jobs", tenant, row);
    if (!job || row.is_null(7)) return job;
    auto output = open_payload("output", tenant, job->id, row.bytes(7));
    if (!output) return fail(output.error());
    job->output = std::move(*output);
    return job;
}

Result<void> JobReader::collect(Statement& rows, bool ended, const jobs::JobQuery& query,
                                std::vector<jobs::JobRecord>& out) {
    const NameAndVersion wanted = split(query.capability);
    const std::string before = query.before ? query.before->raw() : kPastTheEnd;
    const std::int64_t state = query.state ? static_cast<std::int64_t>(*query.state) : -1;
    const std::string caller = query.caller.value_or("");
    rows.start(query.tenant.name, Blob{before}, state, wanted.name, wanted.version,
               query.caller ? 1 : 0, caller, query.limit);
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return {};
        auto job =
            ended ? read_ended(query.tenant, rows) : read_job_row("open_jobs", query.tenant, rows);
        if (!job) {
            rows.reset();
            return fail(job.error());
        }
        out.push_back(std::move(*job));
    }
}

// One snapshot for both tables, or a job that ends between the two would stand in both lists.
Result<std::vector<jobs::JobRecord>> JobReader::list(const jobs::JobQuery& query) {
    if (auto begun = database_.execute("BEGIN"); !begun) return fail(begun.error());
    auto out = list_in_snapshot(query);
    database_.rollback();
    return out;
}

Result<std::vector<jobs::JobRecord>> JobReader::list_in_snapshot(const jobs::JobQuery& query) {
    std::vector<jobs::JobRecord> open;
    std::vector<jobs::JobRecord> ended;
    const bool want_open = !query.dead_only && (!query.state || !jobs::is_terminal(*query.state));
    const bool want_ended = !query.state || jobs::is_terminal(*query.state);
    if (want_open) {
        if (auto done = collect(list_open_, false, query, open); !done) return fail(done.error());
    }
    if (want_ended) {
        Statement* rows = &list_ended_;
        if (query.dead_only)
            rows = &list_dead_;
        else if (query.caller)
            rows = &list_caller_;
        else if (query.state && *query.state > jobs::JobState::succeeded)
            rows = &list_state_;
        if (auto done = collect(*rows, true, query, ended); !done) return fail(done.error());
    }
    return merge_newest_first(std::move(open), std::move(ended), query.limit);
}

std::vector<jobs::JobRecord> merge_newest_first(std::vector<jobs::JobRecord> a,
                                                std::vector<jobs::JobRecord> b, std::size_t limit) {
    std::vector<jobs::JobRecord> out;
    out.reserve(a.size() + b.size());
    std::merge(std::make_move_iterator(a.begin()), std::make_move_iterator(a.end()),
               std::make_move_iterator(b.begin()), std::make_move_iterator(b.end()),
               std::back_inserter(out), newer);
    if (out.size() > limit) out.resize(limit);
    return out;
}

Result<std::shared_ptr<const jobs::Payload>> JobReader::load_input(const TenantId& tenant,
                                                                   const JobId& id) {
    const std::string raw = id.raw();
    for (Statement* rows : {&open_input_, &kept_input_}) {
        rows->start(tenant.name, Blob{raw});
        const auto row = rows->step();
        if (!row) return fail(row.error());
        if (!*row) continue;
        const std::string column(rows->bytes(0));
        rows->reset();
        if (!column.empty()) return open_payload("input", tenant, id, column);
    }
    return std::shared_ptr<const jobs::Payload>();
}

Result<std::optional<jobs::JobRecord>> JobReader::find_idempotent(const TenantId& tenant,
                                                                  const std::string& key,
                                                                  WallMs after) {
    idempotent_.start(tenant.name, key, after);
    const auto row = idempotent_.step();
    if (!row) return fail(row.error());
    if (!*row) return std::nullopt;
    const auto id = JobId::from_raw(idempotent_.bytes(0));
    const std::string request(idempotent_.bytes(2));
    const std::int64_t sum =
        idempotency_sum(tenant, key, idempotent_.bytes(0), idempotent_.integer(1), request);
    const bool sound = id && request.size() == sizeof(Sha256) && sum == idempotent_.integer(3);
    idempotent_.reset();
    if (!sound) return damaged_row("idempotency", id.value_or(JobId{}));
    auto job = get(tenant, *id);
    if (!job || !*job) return job;
    // The core lets go of the key once a job is accepted: its own row may not know it any more.
    (*job)->idempotency.emplace().key = key;
    std::copy(request.begin(), request.end(), (*job)->idempotency->body.begin());
    return job;
}

Result<std::optional<jobs::FileRecord>> JobReader::get_file(const TenantId& tenant,
                                                            const FileId& id, WallMs now) {
    const std::string raw = id.raw();
    file_.start(tenant.name, Blob{raw});
    const auto row = file_.step();
    if (!row) return fail(row.error());
    if (!*row) return std::nullopt;
    auto record = read_file_row(tenant, id, file_);
    file_.reset();
    if (!record) return fail(record.error());
    if (record->expires_at != 0 && record->expires_at <= now) return std::nullopt;
    return std::optional(std::move(*record));
}

Result<std::vector<jobs::FileRecord>> JobReader::list_files(const jobs::FileQuery& query,
                                                            WallMs now) {
    auto& rows = query.oldest_first ? files_up_ : files_down_;
    const std::string first = query.oldest_first ? std::string() : kPastTheEnd;
    const std::string after = query.after ? query.after->raw() : first;
    std::vector<jobs::FileRecord> out;
    rows.start(query.tenant.name, Blob{after});
    while (out.size() < query.limit) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        const auto id = FileId::from_raw(rows.bytes(2)).value_or(FileId{});
        auto record = read_file_row(query.tenant, id, rows);
        if (!record) {
            rows.reset();
            return fail(record.error());
        }
        if (lists(query, *record, now)) out.push_back(std::move(*record));
    }
    rows.reset();
    return out;
}

Result<jobs::FileRecord> JobReader::read_file_row(const TenantId& tenant, const FileId& id,
                                                  const Statement& row) {
    jobs::FileRecord record;
    record.id = id;
    record.tenant = tenant;
    const std::string_view body = row.bytes(1);
    const std::int64_t sum = RowSum("files").add(tenant.name).add(id.raw()).add(body).value();
    if (sum != row.integer(0) || !decode_file(body, record)) return damaged_row("files", id);
    return record;
}

namespace {

/// Calls `read` on each row of a statement until it finds damage.
template <class Read>
Result<void> for_each_row(Statement rows, Read read) {
    rows.start();
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return {};
        if (Result<void> sound = read(rows); !sound) return sound;
    }
}

template <class T>
Result<void> only_error(const Result<T>& result) {
    return result ? Result<void>() : fail(result.error());
}

TenantId tenant_in(const Statement& row, int column) {
    return TenantId(std::string(row.bytes(column)));
}

Result<void> check_input(const Statement& row) {
    const auto id = JobId::from_raw(row.bytes(0));
    if (!id) return damaged_row("inputs", Uuid{});
    return only_error(open_payload("input", tenant_in(row, 1), *id, row.bytes(2)));
}

Result<void> check_key(const Statement& row) {
    const std::int64_t sum = idempotency_sum(tenant_in(row, 0), row.bytes(1), row.bytes(2),
                                             row.integer(3), row.bytes(4));
    if (sum == row.integer(5)) return {};
    return damaged_row("idempotency", JobId::from_raw(row.bytes(2)).value_or(JobId{}));
}

}  // namespace

Result<void> JobReader::check_every_row() {
    auto done = for_each_row(
        database_.prepare(
            "SELECT id, state, caller, capability, version, sum, body, tenant FROM open_jobs"),
        [](const Statement& row) {
            return only_error(read_job_row("open_jobs", tenant_in(row, 7), row));
        });
    if (!done) return done;
    done = for_each_row(
        database_.prepare("SELECT id, state, caller, capability, version, sum, body, output, "
                          "tenant FROM ended_jobs"),
        [this](const Statement& row) { return only_error(read_ended(tenant_in(row, 8), row)); });
    if (!done) return done;
    done = for_each_row(
        database_.prepare("SELECT id, tenant, input FROM open_jobs WHERE input IS NOT NULL "
                          "UNION ALL SELECT job, tenant, body FROM inputs"),
        check_input);
    if (!done) return done;
    done = for_each_row(
        database_.prepare("SELECT tenant, key, job, created_at, request, sum FROM idempotency"),
        check_key);
    if (!done) return done;
    done = UsageReader(database_).check_every_row();
    if (!done) return done;
    return for_each_row(database_.prepare("SELECT sum, body, tenant, id FROM files"),
                        [this](const Statement& row) {
                            const FileId id = FileId::from_raw(row.bytes(3)).value_or(FileId{});
                            return only_error(read_file_row(tenant_in(row, 2), id, row));
                        });
}

}  // namespace headrace::stores
