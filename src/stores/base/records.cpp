#include "stores/base/records.hpp"

#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::uint64_t kFormatOfPurpose = 2;  // of files that have one
constexpr std::size_t kSumBytes = 8;

std::string_view view(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Sha256 read_digest(RowReader& in) {
    const std::string_view bytes = in.fixed(32);
    Sha256 out{};
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

void put(RowWriter& out, const jobs::Fence& fence) {
    out.number(fence.epoch);
    out.number(fence.counter);
}
jobs::Fence read_fence(RowReader& in) {
    jobs::Fence fence;
    fence.epoch = in.number();
    fence.counter = in.number();
    return fence;
}

void put(RowWriter& out, const jobs::BlobRef& blob) {
    out.fixed(view(blob.digest));
    out.number(blob.size);
}
jobs::BlobRef read_blob(RowReader& in) {
    jobs::BlobRef blob;
    blob.digest = read_digest(in);
    blob.size = in.number();
    return blob;
}

void put(RowWriter& out, const jobs::Usage& usage) {
    out.number(usage.meters.size());
    for (const auto& meter : usage.meters) {
        out.text(meter.name);
        out.real(meter.value);
    }
    out.number(usage.engine_us);
    out.number(usage.bytes_in);
    out.number(usage.bytes_out);
}
jobs::Usage read_usage(RowReader& in) {
    jobs::Usage usage;
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        jobs::Meter meter;
        meter.name = in.text();
        meter.value = in.real();
        usage.meters.push_back(std::move(meter));
    }
    usage.engine_us = in.number();
    usage.bytes_in = in.number();
    usage.bytes_out = in.number();
    return usage;
}

void put(RowWriter& out, const jobs::Attempt& attempt) {
    out.number(attempt.number);
    out.text(attempt.worker);
    put(out, attempt.fence);
    out.signed_number(attempt.started_at);
    out.signed_number(attempt.finished_at);
    out.text(attempt.outcome);
}
jobs::Attempt read_attempt(RowReader& in) {
    jobs::Attempt attempt;
    attempt.number = static_cast<std::uint32_t>(in.number());
    attempt.worker = in.text();
    attempt.fence = read_fence(in);
    attempt.started_at = in.signed_number();
    attempt.finished_at = in.signed_number();
    attempt.outcome = in.text();
    return attempt;
}

// Which of the rarely used fields follow.
constexpr std::uint64_t kAlone = 1;
constexpr std::uint64_t kRetryOf = 2;
constexpr std::uint64_t kSession = 4;
constexpr std::uint64_t kIdempotent = 8;
constexpr std::uint64_t kOutputRemoved = 16;
constexpr std::uint64_t kProgress = 32;
constexpr std::uint64_t kError = 64;
constexpr std::uint64_t kErrorRetryable = 128;
constexpr std::uint64_t kInteractive = 256;
constexpr std::uint64_t kErrorRetryAfter = 512;

std::uint64_t flags_of(const jobs::JobRecord& r) {
    const bool progress =
        r.progress.fraction >= 0 || !r.progress.message.empty() || !r.progress.values.empty();
    const auto when = [](bool set, std::uint64_t flag) { return set ? flag : 0; };
    return when(r.leased_alone, kAlone) | when(r.retry_of.has_value(), kRetryOf) |
           when(r.session, kSession) | when(r.idempotency.has_value(), kIdempotent) |
           when(r.output_removed, kOutputRemoved) | when(progress, kProgress) |
           when(r.error.has_value(), kError) |
           when(r.error && r.error->retryable, kErrorRetryable) |
           when(r.error && r.error->retry_after_s > 0, kErrorRetryAfter) |
           when(r.job_class == jobs::JobClass::interactive, kInteractive);
}

}  // namespace

std::string encode_job(const jobs::JobRecord& r) {
    RowWriter out;
    const std::uint64_t flags = flags_of(r);
    out.number(kFormat);
    out.number(flags);
    out.number(r.priority);
    out.signed_number(r.created_at);
    out.signed_number(r.started_at);
    out.signed_number(r.finished_at);
    out.signed_number(r.timeout_ms);
    out.signed_number(r.ttl_ms);
    out.signed_number(r.deadline_at);
    out.number(r.attempt);
    put(out, r.fence);
    out.real(r.share_stamp);
    out.text(r.traceparent);
    put(out, r.usage);
    out.number(r.attempts.size());
    for (const auto& attempt : r.attempts) put(out, attempt);
    if ((flags & kRetryOf) != 0) out.fixed(r.retry_of->raw());
    if ((flags & kIdempotent) != 0) {
        out.text(r.idempotency->key);
        out.fixed(view(r.idempotency->body));
    }
    if ((flags & kProgress) != 0) {
        out.real(r.progress.fraction);
        out.text(r.progress.message);
        out.text(r.progress.values);
    }
    if ((flags & kError) != 0) {
        out.text(r.error->code);
        out.text(r.error->message);
        out.text(r.error->reason);
    }
    if ((flags & kErrorRetryAfter) != 0) {
        out.number(static_cast<std::uint64_t>(r.error->retry_after_s));
    }
    return out.take();
}

bool decode_job(std::string_view body, jobs::JobRecord& r) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    const std::uint64_t flags = in.number();
    r.leased_alone = (flags & kAlone) != 0;
    r.session = (flags & kSession) != 0;
    r.output_removed = (flags & kOutputRemoved) != 0;
    r.job_class =
        (flags & kInteractive) != 0 ? jobs::JobClass::interactive : jobs::JobClass::durable;
    r.priority = static_cast<std::uint8_t>(in.number());
    r.created_at = in.signed_number();
    r.started_at = in.signed_number();
    r.finished_at = in.signed_number();
    r.timeout_ms = in.signed_number();
    r.ttl_ms = in.signed_number();
    r.deadline_at = in.signed_number();
    r.attempt = static_cast<std::uint32_t>(in.number());
    r.fence = read_fence(in);
    r.share_stamp = in.real();
    r.traceparent = in.text();
    r.usage = read_usage(in);
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        r.attempts.push_back(read_attempt(in));
    }
    if ((flags & kRetryOf) != 0) r.retry_of = JobId::from_raw(in.fixed(16));
    if ((flags & kIdempotent) != 0) {
        r.idempotency.emplace();
        r.idempotency->key = in.text();
        r.idempotency->body = read_digest(in);
    }
    if ((flags & kProgress) != 0) {
        r.progress.fraction = in.real();
        r.progress.message = in.text();
        r.progress.values = in.text();
    }
    if ((flags & kError) != 0) {
        r.error.emplace();
        r.error->code = in.text();
        r.error->message = in.text();
        r.error->reason = in.text();
        r.error->retryable = (flags & kErrorRetryable) != 0;
    }
    if ((flags & kErrorRetryAfter) != 0) {
        const auto seconds = in.number();
        if (!r.error || seconds > jobs::JobError::kMostRetryAfter) return false;
        r.error->retry_after_s = static_cast<int>(seconds);
    }
    return in.complete();
}

std::string encode_payload(const jobs::Payload& payload) {
    RowWriter out;
    out.number(kFormat);
    out.number(payload.spilled ? 1 : 0);
    if (payload.spilled) put(out, *payload.spilled);
    out.number(payload.media.size());
    for (const auto& blob : payload.media) put(out, blob);
    out.fixed(payload.values);
    return out.take();
}

bool decode_payload(std::string_view body, jobs::Payload& payload) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    if (in.number() != 0) payload.spilled = read_blob(in);
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        payload.media.push_back(read_blob(in));
    }
    payload.values = in.rest();
    return in.good();
}

std::string encode_file(const jobs::FileRecord& r) {
    RowWriter out;
    out.number(r.purpose.empty() ? kFormat : kFormatOfPurpose);
    out.text(r.owner);
    put(out, r.blob);
    out.text(r.content_type);
    out.text(r.name);
    out.signed_number(r.created_at);
    out.signed_number(r.expires_at);
    out.number(r.job ? 1 : 0);
    if (r.job) out.fixed(r.job->raw());
    if (!r.purpose.empty()) out.text(r.purpose);
    return out.take();
}

bool decode_file(std::string_view body, jobs::FileRecord& r) {
    RowReader in(body);
    const auto format = in.number();
    if (format != kFormat && format != kFormatOfPurpose) return false;
    r.owner = in.text();
    r.blob = read_blob(in);
    r.content_type = in.text();
    r.name = in.text();
    r.created_at = in.signed_number();
    r.expires_at = in.signed_number();
    if (in.number() != 0) r.job = JobId::from_raw(in.fixed(16));
    if (format == kFormatOfPurpose) r.purpose = in.text();
    return in.complete();
}

std::string encode_usage(const jobs::UsageRecord& r) {
    RowWriter out;
    out.number(kFormat);
    out.text(r.caller);
    out.number(static_cast<std::uint64_t>(r.state));
    out.number(r.attempts);
    out.signed_number(r.queued_ms);
    out.signed_number(r.run_ms);
    out.signed_number(r.finished_at);
    put(out, r.usage);
    return out.take();
}

bool decode_usage(std::string_view body, jobs::UsageRecord& r) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    r.caller = in.text();
    r.state = static_cast<jobs::JobState>(in.number());
    r.attempts = static_cast<std::uint32_t>(in.number());
    r.queued_ms = in.signed_number();
    r.run_ms = in.signed_number();
    r.finished_at = in.signed_number();
    r.usage = read_usage(in);
    return in.complete();
}

std::string seal_payload(std::string_view part, const TenantId& tenant, const JobId& job,
                         const jobs::Payload& payload) {
    const std::string body = encode_payload(payload);
    const std::int64_t sum = RowSum(part).add(tenant.name).add(job.raw()).add(body).value();
    std::string out(reinterpret_cast<const char*>(&sum), kSumBytes);
    out += body;
    return out;
}

Result<std::shared_ptr<const jobs::Payload>> open_payload(std::string_view part,
                                                          const TenantId& tenant, const JobId& job,
                                                          std::string_view column) {
    if (column.size() < kSumBytes) return damaged_row(part, job);
    const std::string_view body = column.substr(kSumBytes);
    const std::int64_t sum = RowSum(part).add(tenant.name).add(job.raw()).add(body).value();
    auto payload = std::make_shared<jobs::Payload>();
    if (std::memcmp(&sum, column.data(), kSumBytes) != 0 || !decode_payload(body, *payload)) {
        return damaged_row(part, job);
    }
    return payload;
}

std::int64_t job_sum(std::string_view table, const jobs::JobRecord& r, std::string_view body) {
    return RowSum(table)
        .add(r.tenant.name)
        .add(r.id.raw())
        .add(static_cast<std::int64_t>(r.state))
        .add(r.caller)
        .add(r.capability)
        .add(r.version)
        .add(body)
        .value();
}

std::int64_t idempotency_sum(const TenantId& tenant, std::string_view key, std::string_view job,
                             WallMs created_at, std::string_view request) {
    return RowSum("idempotency")
        .add(tenant.name)
        .add(key)
        .add(job)
        .add(created_at)
        .add(request)
        .value();
}

tl::unexpected<Error> damaged_row(std::string_view table, const Uuid& id) {
    return fail(ErrorCode::internal,
                "damaged row in jobs.db: table " + std::string(table) + ", id " + id.text());
}

bool lists(const jobs::FileQuery& query, const jobs::FileRecord& file, WallMs now) {
    if (file.purpose.empty() || (file.expires_at != 0 && file.expires_at <= now)) return false;
    if (query.owner && file.owner != *query.owner) return false;
    return query.purpose.empty() ? file.purpose.front() != '.' : file.purpose == query.purpose;
}

}  // namespace headrace::stores
