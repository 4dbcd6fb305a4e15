#include "stores_under_test.hpp"

#include <fmt/format.h>

namespace headrace::stores {

jobs::JobRecord StoreCalls::job(const char* tenant, const char* capability) {
    clock_.advance(std::chrono::milliseconds(1));
    jobs::JobRecord record;
    record.id = ids_.make<JobId>();
    record.tenant = TenantId(tenant);
    record.caller = "k1";
    record.capability = capability;
    record.version = "1.0.0";
    record.created_at = clock_.wall();
    record.share_stamp = 1.5;
    auto input = std::make_shared<jobs::Payload>();
    input->values = "input of " + record.id.text();
    record.input = std::move(input);
    return record;
}

std::shared_ptr<const jobs::JobRecord> StoreCalls::share(jobs::JobRecord record) {
    return std::make_shared<const jobs::JobRecord>(std::move(record));
}

jobs::JobRecord StoreCalls::ended(jobs::JobRecord record, jobs::JobState state) {
    record.state = state;
    record.finished_at = record.created_at + 5;
    if (state == jobs::JobState::succeeded) {
        auto output = std::make_shared<jobs::Payload>();
        output->values = "output of " + record.id.text();
        record.output = std::move(output);
    } else {
        record.error = jobs::JobError{"engine_failed", "it broke", "", false};
    }
    return record;
}

Result<void> StoreCalls::write(jobs::LogWrite change) {
    return caller_.ask<void>([&](auto done) { log().write(std::move(change), std::move(done)); });
}

Result<void> StoreCalls::write(jobs::LogWrite::Kind kind, jobs::JobRecord record) {
    return write(jobs::LogWrite{kind, share(std::move(record)), {}, {}});
}

Result<void> StoreCalls::accept(const jobs::JobRecord& record) {
    return write(jobs::LogWrite::Kind::accept, record);
}
Result<void> StoreCalls::finish(const jobs::JobRecord& record) {
    return write(jobs::LogWrite::Kind::finish, record);
}

std::optional<jobs::JobRecord> StoreCalls::get(const jobs::JobRecord& like) {
    using T = std::optional<jobs::JobRecord>;
    return caller_.ask<T>([&](auto done) { log().get(like.tenant, like.id, std::move(done)); })
        .value();
}

std::shared_ptr<const jobs::Payload> StoreCalls::input_of(const jobs::JobRecord& like) {
    using T = std::shared_ptr<const jobs::Payload>;
    auto read =
        caller_.ask<T>([&](auto done) { log().load_input(like.tenant, like.id, std::move(done)); });
    if (!read && read.error().code == ErrorCode::not_found) return nullptr;
    return std::move(read).value();
}

std::vector<jobs::JobRecord> StoreCalls::list(jobs::JobQuery query) {
    using T = std::vector<jobs::JobRecord>;
    return caller_.ask<T>([&](auto done) { log().list(std::move(query), std::move(done)); })
        .value();
}

std::optional<jobs::JobRecord> StoreCalls::find(const char* tenant, const std::string& key) {
    using T = std::optional<jobs::JobRecord>;
    return caller_
        .ask<T>([&](auto done) { log().find_idempotent(TenantId(tenant), key, std::move(done)); })
        .value();
}

std::vector<jobs::UsageRecord> StoreCalls::usage(jobs::UsageQuery query) {
    using T = std::vector<jobs::UsageRecord>;
    return caller_.ask<T>([&](auto done) { log().usage(std::move(query), std::move(done)); })
        .value();
}

jobs::FileRecord StoreCalls::file(const char* tenant) {
    jobs::FileRecord record;
    record.id = ids_.make<FileId>();
    record.tenant = TenantId(tenant);
    record.owner = "k1";
    record.blob = {sha256(record.id.text()), 36};
    record.content_type = "image/png";
    record.name = "a.png";
    record.created_at = clock_.wall();
    record.expires_at = clock_.wall() + 60'000;
    return record;
}

Result<void> StoreCalls::put(const jobs::FileRecord& record) {
    return caller_.ask<void>([&](auto done) { log().put_file(record, std::move(done)); });
}

std::optional<jobs::FileRecord> StoreCalls::get_file(const char* tenant, FileId id) {
    using T = std::optional<jobs::FileRecord>;
    return caller_.ask<T>([&](auto done) { log().get_file(TenantId(tenant), id, std::move(done)); })
        .value();
}

std::vector<FileId> StoreCalls::list_files(const jobs::FileQuery& query) {
    using T = std::vector<jobs::FileRecord>;
    const auto files =
        caller_.ask<T>([&](auto done) { log().list_files(query, std::move(done)); }).value();
    std::vector<FileId> ids;
    for (const auto& each : files) ids.push_back(each.id);
    return ids;
}

Result<bool> StoreCalls::remove_file(const char* tenant, FileId id) {
    return caller_.ask<bool>(
        [&](auto done) { log().remove_file(TenantId(tenant), id, std::move(done)); });
}

Result<jobs::BlobRef> StoreCalls::store(const char* tenant, const std::vector<std::string>& pieces,
                                        bool durable) {
    auto sink = blobs().create(TenantId(tenant));
    if (!sink) return fail(sink.error());
    for (const auto& piece : pieces) {
        auto written =
            caller_.ask<void>([&](auto done) { (*sink)->write(piece, std::move(done)); });
        if (!written) return fail(written.error());
    }
    return caller_.ask<jobs::BlobRef>(
        [&](auto done) { (*sink)->finish(durable, std::move(done)); });
}

Result<std::string> StoreCalls::load(const char* tenant, const jobs::BlobRef& blob) {
    using T = std::unique_ptr<jobs::BlobSource>;
    auto source =
        caller_.ask<T>([&](auto done) { blobs().open(TenantId(tenant), blob, std::move(done)); });
    if (!source) return fail(source.error());
    EXPECT_EQ((*source)->size(), blob.size);
    std::string whole;
    for (;;) {
        auto piece = caller_.ask<std::string>(
            [&](auto done) { (*source)->read(whole.size(), 100'000, std::move(done)); });
        if (!piece) return piece;
        if (piece->empty()) return whole;
        whole += *piece;
    }
}

namespace {

std::string text_of(const std::shared_ptr<const jobs::Payload>& payload) {
    if (!payload) return "none";
    std::string out =
        fmt::format("{}B:{}", payload->values.size(), to_hex(sha256(payload->values)));
    if (payload->spilled) out += " spilled " + to_hex(payload->spilled->digest);
    for (const auto& blob : payload->media)
        out += fmt::format(" {}:{}", to_hex(blob.digest), blob.size);
    return out;
}

}  // namespace

std::string text_of(const jobs::JobRecord& r) {
    std::string out = fmt::format(
        "id={} tenant={} caller={} capability={} version={}\nclass={} state={} priority={} "
        "created={} "
        "started={} finished={} timeout={} ttl={} deadline={}\nattempt={} alone={} fence={}.{} "
        "trace={} "
        "session={} removed={} stamp={}\nretry_of={} key={}\noutput={}\n",
        r.id.text(), r.tenant.name, r.caller, r.capability, r.version,
        static_cast<int>(r.job_class), static_cast<int>(r.state), r.priority, r.created_at,
        r.started_at, r.finished_at, r.timeout_ms, r.ttl_ms, r.deadline_at, r.attempt,
        r.leased_alone, r.fence.epoch, r.fence.counter, r.traceparent, r.session, r.output_removed,
        r.share_stamp, r.retry_of ? r.retry_of->text() : "",
        r.idempotency ? r.idempotency->key + to_hex(r.idempotency->body) : "", text_of(r.output));
    for (const auto& a : r.attempts) {
        out += fmt::format("attempt {} {} {}.{} {} {} {}\n", a.number, a.worker, a.fence.epoch,
                           a.fence.counter, a.started_at, a.finished_at, a.outcome);
    }
    out += fmt::format("progress {} {} {}\n", r.progress.fraction, r.progress.message,
                       r.progress.values);
    if (r.error) {
        out += fmt::format("error {} {} {} {} {}\n", r.error->code, r.error->message,
                           r.error->reason, r.error->retryable, r.error->retry_after_s);
    }
    for (const auto& meter : r.usage.meters)
        out += fmt::format("meter {} {}\n", meter.name, meter.value);
    out += fmt::format("usage {} {} {}", r.usage.engine_us, r.usage.bytes_in, r.usage.bytes_out);
    return out;
}

Result<std::vector<jobs::JobRecord>> open_jobs(jobs::JobLog& log) {
    std::vector<jobs::JobRecord> open;
    const auto done =
        log.load_open([&open](jobs::JobRecord job) { open.push_back(std::move(job)); });
    if (!done) return fail(done.error());
    return open;
}

std::vector<JobId> ids_of(const std::vector<jobs::JobRecord>& records) {
    std::vector<JobId> out;
    for (const auto& record : records) out.push_back(record.id);
    return out;
}

}  // namespace headrace::stores
