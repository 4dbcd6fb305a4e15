#include "stores/sqlite/job_writer.hpp"

#include "stores/base/records.hpp"
#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

// Larger inputs would be copied at every change of the row, and make a start read what it skips.
constexpr std::size_t kInlineInputBytes = 1024;
constexpr std::int64_t kInputApart = 1;
constexpr std::int64_t kInputHasBlobs = 2;

std::string owner_of(char kind, const Uuid& id) {
    return kind + id.raw();
}

bool has_blobs(const jobs::Payload& payload) {
    return payload.spilled || !payload.media.empty();
}

bool is_dead(const jobs::JobRecord& job) {
    return job.error && job.error->reason == "dead";
}

std::string_view view(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

JobWriter::JobWriter(Database& database)
    : database_(database),
      usage_(database),
      claim_(database.prepare(
          "INSERT INTO idempotency(tenant, key, job, created_at, request, sum) "
          "VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(tenant, key) DO UPDATE SET job = excluded.job, "
          "created_at = excluded.created_at, request = excluded.request, sum = excluded.sum "
          "WHERE created_at <= ?")),
      unclaim_(
          database.prepare("DELETE FROM idempotency WHERE tenant = ? AND key = ? AND job = ?")),
      insert_open_(database.prepare("INSERT INTO open_jobs(tenant, id, state, caller, capability, "
                                    "version, extras, sum, body, "
                                    "input) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      update_open_(database.prepare(
          "UPDATE open_jobs SET state = ?, sum = ?, body = ? WHERE tenant = ? AND id = ?")),
      find_open_(
          database.prepare("SELECT extras, input FROM open_jobs WHERE tenant = ? AND id = ?")),
      erase_open_(database.prepare("DELETE FROM open_jobs WHERE tenant = ? AND id = ?")),
      insert_ended_(database.prepare("INSERT INTO ended_jobs(tenant, id, state, caller, "
                                     "capability, version, finished_at, dead, "
                                     "sum, body, output) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      update_ended_(database.prepare(
          "UPDATE ended_jobs SET sum = ?, body = ?, output = NULL WHERE tenant = ? AND id = ?")),
      has_open_(database.prepare("SELECT 1 FROM open_jobs WHERE tenant = ? AND id = ?")),
      has_ended_(database.prepare("SELECT 1 FROM ended_jobs WHERE tenant = ? AND id = ?")),
      erase_ended_(database.prepare("DELETE FROM ended_jobs WHERE tenant = ? AND id = ?")),
      insert_input_(
          database.prepare("INSERT OR REPLACE INTO inputs(tenant, job, body) VALUES(?, ?, ?)")),
      erase_input_(database.prepare("DELETE FROM inputs WHERE tenant = ? AND job = ?")),
      has_file_(database.prepare("SELECT 1 FROM files WHERE tenant = ? AND id = ?")),
      replace_file_(
          database.prepare("INSERT OR REPLACE INTO files(tenant, id, job, expires_at, sum, body) "
                           "VALUES(?, ?, ?, ?, ?, ?)")),
      erase_file_(database.prepare("DELETE FROM files WHERE tenant = ? AND id = ?")),
      files_of_job_(database.prepare("SELECT id FROM files WHERE tenant = ? AND job = ?")),
      insert_ref_(database.prepare(
          "INSERT OR IGNORE INTO blob_refs(tenant, owner, digest) VALUES(?, ?, ?)")),
      erase_refs_(database.prepare("DELETE FROM blob_refs WHERE tenant = ? AND owner = ?")) {}

Result<void> JobWriter::begin() {
    usage_.forget();
    return database_.execute("BEGIN IMMEDIATE");
}

Result<void> JobWriter::commit() {
    auto done = usage_.write();
    return done ? database_.execute("COMMIT") : done;
}

Result<void> JobWriter::apply(const jobs::LogWrite& write, WallMs idempotent_after) {
    using Kind = jobs::LogWrite::Kind;
    switch (write.kind) {
        case Kind::accept: {
            auto done = accept(*write.job, idempotent_after);
            return done && jobs::is_terminal(write.job->state) ? write_extras(write) : done;
        }
        case Kind::attempt:
        case Kind::requeue:
        case Kind::release:  // one node: it stays with it
            return update_open(*write.job);
        case Kind::finish:
            return finish(write);
        case Kind::remove_output:
            return strip(*write.job);
        case Kind::usage:
            return write_extras(write);
    }
    return {};
}

Result<void> JobWriter::accept(const jobs::JobRecord& job, WallMs idempotent_after) {
    if (job.idempotency) {
        const auto claimed = claim(job, idempotent_after);
        if (!claimed) return fail(claimed.error());
        if (!*claimed) return fail(ErrorCode::conflict, "the idempotency key is in use");
    }
    auto done = jobs::is_terminal(job.state) ? insert_ended(job) : insert_open(job);
    if (!done && job.idempotency && done.error().code == ErrorCode::conflict) {
        const std::string id = job.id.raw();
        auto undone = unclaim_.run(job.tenant.name, job.idempotency->key, Blob{id});
        if (!undone) return undone;
    }
    return done;
}

Result<bool> JobWriter::claim(const jobs::JobRecord& job, WallMs idempotent_after) {
    const std::string id = job.id.raw();
    const std::string& key = job.idempotency->key;
    const std::string_view request = view(job.idempotency->body);
    const auto done =
        claim_.run(job.tenant.name, key, Blob{id}, job.created_at, Blob{request},
                   idempotency_sum(job.tenant, key, id, job.created_at, request), idempotent_after);
    if (!done) return fail(done.error());
    return database_.changes() != 0;
}

Result<void> JobWriter::insert_open(const jobs::JobRecord& job) {
    const std::string id = job.id.raw();
    const std::string body = encode_job(job);
    const std::int64_t sum = job_sum("open_jobs", job, body);
    std::string input;
    std::int64_t extras = 0;
    if (job.input) {
        input = seal_payload("input", job.tenant, job.id, *job.input);
        if (input.size() > kInlineInputBytes) extras |= kInputApart;
        if (has_blobs(*job.input)) extras |= kInputHasBlobs;
    }
    const auto state = static_cast<std::int64_t>(job.state);
    const bool inlined = job.input && (extras & kInputApart) == 0;
    auto done = inlined
                    ? insert_open_.run(job.tenant.name, Blob{id}, state, job.caller, job.capability,
                                       job.version, extras, sum, Blob{body}, Blob{input})
                    : insert_open_.run(job.tenant.name, Blob{id}, state, job.caller, job.capability,
                                       job.version, extras, sum, Blob{body}, nullptr);
    if (!done) {
        if (done.error().code != ErrorCode::conflict) return done;
        return fail(ErrorCode::conflict, "a job with this id is there already");
    }
    if ((extras & kInputApart) != 0)
        done = insert_input_.run(job.tenant.name, Blob{id}, Blob{input});
    if (done && (extras & kInputHasBlobs) != 0)
        done = add_refs('i', job.tenant, job.id, *job.input);
    return done;
}

Result<void> JobWriter::insert_ended(const jobs::JobRecord& job) {
    const std::string id = job.id.raw();
    const std::string body = encode_job(job);
    const std::int64_t sum = job_sum("ended_jobs", job, body);
    const auto state = static_cast<std::int64_t>(job.state);
    const std::int64_t dead = is_dead(job) ? 1 : 0;
    if (!job.output) {
        return insert_ended_.run(job.tenant.name, Blob{id}, state, job.caller, job.capability,
                                 job.version, job.finished_at, dead, sum, Blob{body}, nullptr);
    }
    const std::string output = seal_payload("output", job.tenant, job.id, *job.output);
    auto done =
        insert_ended_.run(job.tenant.name, Blob{id}, state, job.caller, job.capability, job.version,
                          job.finished_at, dead, sum, Blob{body}, Blob{output});
    if (done && has_blobs(*job.output)) done = add_refs('o', job.tenant, job.id, *job.output);
    return done;
}

Result<void> JobWriter::update_open(const jobs::JobRecord& job) {
    const std::string id = job.id.raw();
    const std::string body = encode_job(job);
    auto done =
        update_open_.run(static_cast<std::int64_t>(job.state), job_sum("open_jobs", job, body),
                         Blob{body}, job.tenant.name, Blob{id});
    if (done && database_.changes() == 0) return fail(missing(job.tenant, job.id));
    return done;
}

Result<void> JobWriter::finish(const jobs::LogWrite& write) {
    auto done = take_from_open(*write.job);
    if (done) done = insert_ended(*write.job);
    if (done) done = write_extras(write);
    return done;
}

// A job that did not succeed may be tried again by its caller: its input stays. Looked up and then
// deleted: DELETE … RETURNING builds a table of its own for its one row, at three times the price.
Result<void> JobWriter::take_from_open(const jobs::JobRecord& job) {
    const std::string id = job.id.raw();
    const bool succeeded = job.state == jobs::JobState::succeeded;
    find_open_.start(job.tenant.name, Blob{id});
    const auto row = find_open_.step();
    if (!row) return fail(row.error());
    if (!*row) return fail(missing(job.tenant, job.id));
    const std::int64_t extras = find_open_.integer(0);
    std::string input;
    if (!succeeded) input = find_open_.bytes(1);
    find_open_.reset();

    auto done = erase_open_.run(job.tenant.name, Blob{id});
    if (done && !input.empty()) done = insert_input_.run(job.tenant.name, Blob{id}, Blob{input});
    if (done && succeeded && (extras & kInputApart) != 0)
        done = erase_input_.run(job.tenant.name, Blob{id});
    if (done && succeeded && (extras & kInputHasBlobs) != 0)
        done = drop_refs('i', job.tenant, job.id);
    return done;
}

Result<void> JobWriter::write_extras(const jobs::LogWrite& write) {
    for (const auto& file : write.files) {
        if (auto done = write_file(file); !done) return done;
    }
    if (write.usage) usage_.gather(write.usage);
    return {};
}

Result<void> JobWriter::put_file(const jobs::FileRecord& file) {
    const std::string id = file.id.raw();
    has_file_.start(file.tenant.name, Blob{id});
    const auto row = has_file_.step();
    has_file_.reset();
    if (!row) return fail(row.error());
    if (*row) return fail(ErrorCode::conflict, "a file with this id is there already");
    return write_file(file);
}

Result<void> JobWriter::write_file(const jobs::FileRecord& file) {
    const std::string id = file.id.raw();
    const std::string body = encode_file(file);
    const std::int64_t sum = RowSum("files").add(file.tenant.name).add(id).add(body).value();
    const std::string job = file.job ? file.job->raw() : std::string();
    auto done = file.job ? replace_file_.run(file.tenant.name, Blob{id}, Blob{job}, file.expires_at,
                                             sum, Blob{body})
                         : replace_file_.run(file.tenant.name, Blob{id}, nullptr, file.expires_at,
                                             sum, Blob{body});
    if (!done) return done;
    const std::string owner = owner_of('f', file.id);
    return insert_ref_.run(file.tenant.name, Blob{owner}, Blob{view(file.blob.digest)});
}

Result<bool> JobWriter::remove_file(const TenantId& tenant, const FileId& id) {
    const std::string raw = id.raw();
    if (auto done = erase_file_.run(tenant.name, Blob{raw}); !done) return fail(done.error());
    if (database_.changes() == 0) return false;
    if (auto done = drop_refs('f', tenant, id); !done) return fail(done.error());
    return true;
}

Result<void> JobWriter::strip(const jobs::JobRecord& job) {
    const std::string id = job.id.raw();
    const std::string body = encode_job(job);
    auto done =
        update_ended_.run(job_sum("ended_jobs", job, body), Blob{body}, job.tenant.name, Blob{id});
    if (!done) return done;
    if (database_.changes() == 0) {
        has_open_.start(job.tenant.name, Blob{id});
        const auto open = has_open_.step();
        has_open_.reset();
        if (!open) return fail(open.error());
        return *open ? fail(ErrorCode::conflict, "the job has not ended")
                     : fail(ErrorCode::not_found, "no such job");
    }
    return drop_payloads(job.tenant, job.id);
}

Result<void> JobWriter::erase(const TenantId& tenant, const JobId& id) {
    const std::string raw = id.raw();
    auto done = erase_ended_.run(tenant.name, Blob{raw});
    return done ? drop_payloads(tenant, id) : done;
}

Result<void> JobWriter::drop_payloads(const TenantId& tenant, const JobId& id) {
    const std::string raw = id.raw();
    auto done = erase_input_.run(tenant.name, Blob{raw});
    if (done) done = drop_refs('i', tenant, id);
    if (done) done = drop_refs('o', tenant, id);
    if (!done) return done;
    std::vector<FileId> files;
    files_of_job_.start(tenant.name, Blob{raw});
    for (;;) {
        const auto row = files_of_job_.step();
        if (!row) return fail(row.error());
        if (!*row) break;
        if (const auto file = FileId::from_raw(files_of_job_.bytes(0))) files.push_back(*file);
    }
    for (const FileId& file : files) {
        if (auto removed = remove_file(tenant, file); !removed) return fail(removed.error());
    }
    return {};
}

Result<void> JobWriter::add_refs(char kind, const TenantId& tenant, const Uuid& id,
                                 const jobs::Payload& payload) {
    const std::string owner = owner_of(kind, id);
    if (payload.spilled) {
        auto done = insert_ref_.run(tenant.name, Blob{owner}, Blob{view(payload.spilled->digest)});
        if (!done) return done;
    }
    for (const auto& blob : payload.media) {
        auto done = insert_ref_.run(tenant.name, Blob{owner}, Blob{view(blob.digest)});
        if (!done) return done;
    }
    return {};
}

Result<void> JobWriter::drop_refs(char kind, const TenantId& tenant, const Uuid& id) {
    const std::string owner = owner_of(kind, id);
    return erase_refs_.run(tenant.name, Blob{owner});
}

Error JobWriter::missing(const TenantId& tenant, const JobId& id) {
    const std::string raw = id.raw();
    has_ended_.start(tenant.name, Blob{raw});
    const auto ended = has_ended_.step();
    has_ended_.reset();
    if (!ended) return ended.error();
    return *ended ? Error{ErrorCode::conflict, "the job has ended", {}, 0}
                  : Error{ErrorCode::not_found, "no such job", {}, 0};
}

}  // namespace headrace::stores
