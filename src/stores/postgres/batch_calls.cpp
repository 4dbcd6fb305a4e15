// The arrays of each statement of a commit; their order is that of statements.cpp.
#include "stores/base/records.hpp"
#include "stores/postgres/batch.hpp"
#include "stores/postgres/statements.hpp"

namespace headrace::stores {
namespace {

std::string_view view(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

bool has_blobs(const jobs::Payload& payload) {
    return payload.spilled || !payload.media.empty();
}

bool is_dead(const jobs::JobRecord& job) {
    return job.error && job.error->reason == "dead";
}

void add_payload(PgArray& out, const std::shared_ptr<const jobs::Payload>& payload) {
    if (payload)
        out.add(encode_payload(*payload));
    else
        out.add_null();
}

/// What HEADRACE_REFS_AND_FILES takes.
class RefsAndFiles {
  public:
    void add_payload(char kind, const jobs::JobRecord& job, const jobs::Payload& payload) {
        if (payload.spilled) ref(kind + job.id.raw(), job, *payload.spilled);
        for (const auto& blob : payload.media) ref(kind + job.id.raw(), job, blob);
    }
    void add_files(const jobs::LogWrite& write) {
        for (const auto& file : write.files) {
            tenant_.add(file.tenant.name);
            of_.add(write.job->id);
            id_.add(file.id);
            if (file.job)
                job_.add(*file.job);
            else
                job_.add_null();
            expires_at_.add_big(file.expires_at);
            body_.add(encode_file(file));
            ref('f' + file.id.raw(), *write.job, file.blob);
        }
    }
    void append_to(PgParameters& out) {
        out.array(ref_tenant_).array(ref_job_).array(ref_owner_).array(ref_digest_);
        out.array(tenant_).array(of_).array(id_).array(job_).array(expires_at_).array(body_);
    }

  private:
    void ref(const std::string& owner, const jobs::JobRecord& job, const jobs::BlobRef& blob) {
        ref_tenant_.add(job.tenant.name);
        ref_job_.add(job.id);
        ref_owner_.add(owner);
        ref_digest_.add(view(blob.digest));
    }

    PgArray ref_tenant_{PgType::text}, ref_job_{PgType::uuid}, ref_owner_{PgType::bytes},
        ref_digest_{PgType::bytes}, tenant_{PgType::text}, of_{PgType::uuid}, id_{PgType::uuid},
        job_{PgType::uuid}, expires_at_{PgType::big}, body_{PgType::bytes};
};

class UsageRows {
  public:
    void add(const jobs::UsageRecord& usage) {
        tenant_.add(usage.tenant.name);
        job_.add(usage.job);
        capability_.add(usage.capability);
        version_.add(usage.version);
        finished_at_.add_big(usage.finished_at);
        body_.add(encode_usage(usage));
    }
    void append_to(PgParameters& out) {
        out.array(tenant_).array(job_).array(capability_).array(version_);
        out.array(finished_at_).array(body_);
    }

  private:
    PgArray tenant_{PgType::text}, job_{PgType::uuid}, capability_{PgType::text},
        version_{PgType::text}, finished_at_{PgType::big}, body_{PgType::bytes};
};

/// What HEADRACE_NEW_ROWS takes.
class NewRows {
  public:
    void add(const jobs::JobRecord& job) {
        tenant_.add(job.tenant.name);
        id_.add(job.id);
        state_.add_small(static_cast<std::int16_t>(job.state));
        priority_.add_small(job.priority);
        stamp_.add_real(job.share_stamp);
        caller_.add(job.caller);
        capability_.add(job.capability);
        version_.add(job.version);
        finished_at_.add_big(job.finished_at);
        dead_.add_boolean(is_dead(job));
        blobs_.add_boolean(job.input && has_blobs(*job.input));
        body_.add(encode_job(job));
        add_payload(input_, jobs::is_terminal(job.state) ? nullptr : job.input);
        add_payload(output_, job.output);
    }
    void append_to(PgParameters& out) {
        out.array(tenant_).array(id_).array(state_).array(priority_).array(stamp_);
        out.array(caller_).array(capability_).array(version_).array(finished_at_).array(dead_);
        out.array(blobs_).array(body_).array(input_).array(output_);
    }

  private:
    PgArray tenant_{PgType::text}, id_{PgType::uuid}, state_{PgType::small},
        priority_{PgType::small}, stamp_{PgType::real}, caller_{PgType::text},
        capability_{PgType::text}, version_{PgType::text}, finished_at_{PgType::big},
        dead_{PgType::boolean}, blobs_{PgType::boolean}, body_{PgType::bytes},
        input_{PgType::bytes}, output_{PgType::bytes};
};

}  // namespace

PgCall PgBatch::accept(const Group& group, bool once) const {
    RefsAndFiles extras;
    NewRows rows;
    UsageRows usage;
    PgArray tenant(PgType::text), key(PgType::text), job(PgType::uuid), created_at(PgType::big),
        request(PgType::bytes);
    for (const std::size_t member : group.members) {
        const jobs::LogWrite& write = write_at(member);
        const jobs::JobRecord& record = *write.job;
        rows.add(record);
        if (jobs::is_terminal(record.state)) {
            if (record.output) extras.add_payload('o', record, *record.output);
            if (write.usage) usage.add(*write.usage);
        } else if (record.input) {
            extras.add_payload('i', record, *record.input);
        }
        extras.add_files(write);
        if (!once) continue;
        tenant.add(record.tenant.name);
        key.add(record.idempotency->key);
        job.add(record.id);
        created_at.add_big(record.created_at);
        request.add(view(record.idempotency->body));
    }
    PgParameters out;
    out.big(static_cast<std::int64_t>(epoch_));
    extras.append_to(out);
    rows.append_to(out);
    usage.append_to(out);
    if (once) {
        out.array(tenant).array(key).array(job).array(created_at).array(request);
        out.big(idempotent_after_);
    }
    return {once ? &sql::kAcceptOnce : &sql::kAccept, std::move(out)};
}

PgCall PgBatch::update(const Group& group) const {
    PgArray tenant(PgType::text), id(PgType::uuid), state(PgType::small), body(PgType::bytes);
    for (const std::size_t member : group.members) {
        const jobs::JobRecord& job = *write_at(member).job;
        tenant.add(job.tenant.name);
        id.add(job.id);
        state.add_small(static_cast<std::int16_t>(job.state));
        body.add(encode_job(job));
    }
    PgParameters out;
    out.big(static_cast<std::int64_t>(epoch_)).array(tenant).array(id).array(state).array(body);
    return {&sql::kUpdate, std::move(out)};
}

PgCall PgBatch::release(const Group& group) const {
    std::vector<const PgChange*> members;
    for (const std::size_t member : group.members) members.push_back(changes_[member]);
    return {&sql::kRelease, rows_of(members, epoch_)};
}

PgCall PgBatch::finish(const Group& group) const {
    RefsAndFiles extras;
    PgArray tenant(PgType::text), id(PgType::uuid), state(PgType::small), finished_at(PgType::big),
        dead(PgType::boolean), body(PgType::bytes), output(PgType::bytes), usage(PgType::bytes);
    for (const std::size_t member : group.members) {
        const jobs::LogWrite& write = write_at(member);
        const jobs::JobRecord& job = *write.job;
        tenant.add(job.tenant.name);
        id.add(job.id);
        state.add_small(static_cast<std::int16_t>(job.state));
        finished_at.add_big(job.finished_at);
        dead.add_boolean(is_dead(job));
        body.add(encode_job(job));
        add_payload(output, job.output);
        if (write.usage)
            usage.add(encode_usage(*write.usage));
        else
            usage.add_null();
        if (job.output) extras.add_payload('o', job, *job.output);
        extras.add_files(write);
    }
    PgParameters out;
    out.big(static_cast<std::int64_t>(epoch_));
    extras.append_to(out);
    out.array(tenant).array(id).array(state).array(finished_at).array(dead);
    out.array(body).array(output).array(usage);
    return {&sql::kFinish, std::move(out)};
}

PgCall PgBatch::strip(const Group& group) const {
    PgArray tenant(PgType::text), id(PgType::uuid), body(PgType::bytes);
    for (const std::size_t member : group.members) {
        const jobs::JobRecord& job = *write_at(member).job;
        tenant.add(job.tenant.name);
        id.add(job.id);
        body.add(encode_job(job));
    }
    PgParameters out;
    out.array(tenant).array(id).array(body);
    return {&sql::kStrip, std::move(out)};
}

PgCall PgBatch::meter(const Group& group) const {
    UsageRows rows;
    for (const std::size_t member : group.members) {
        if (const auto& usage = write_at(member).usage) rows.add(*usage);
    }
    PgParameters out;
    rows.append_to(out);
    return {&sql::kMeter, std::move(out)};
}

PgCall PgBatch::put_files(const Group& group) const {
    PgArray tenant(PgType::text), id(PgType::uuid), job(PgType::uuid), expires_at(PgType::big),
        body(PgType::bytes), digest(PgType::bytes);
    for (const std::size_t member : group.members) {
        const auto& file = std::get<jobs::FileRecord>(*changes_[member]);
        tenant.add(file.tenant.name);
        id.add(file.id);
        if (file.job)
            job.add(*file.job);
        else
            job.add_null();
        expires_at.add_big(file.expires_at);
        body.add(encode_file(file));
        digest.add(view(file.blob.digest));
    }
    PgParameters out;
    out.array(tenant).array(id).array(job).array(expires_at).array(body).array(digest);
    return {&sql::kPutFiles, std::move(out)};
}

PgCall PgBatch::remove_files(const Group& group) const {
    PgArray tenant(PgType::text), id(PgType::uuid);
    for (const std::size_t member : group.members) {
        const auto& removal = std::get<FileRemoval>(*changes_[member]);
        tenant.add(removal.tenant.name);
        id.add(removal.id);
    }
    PgParameters out;
    out.array(tenant).array(id);
    return {&sql::kRemoveFiles, std::move(out)};
}

}  // namespace headrace::stores
