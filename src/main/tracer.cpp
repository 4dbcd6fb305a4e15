#include "main/tracer.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/digest.hpp"
#include "main/gen_ai.hpp"
#include "main/llm_answer.hpp"
#include "main/llm_metrics.hpp"

namespace headrace::main {
namespace {

using telemetry::SpanIds;
constexpr std::size_t kMostReasons = 16;
using SpanId = std::array<std::uint8_t, 8>;

/// "00-<32 hex>-<16 hex>-<2 hex>"; nullopt for what is none, or for a caller that is not sampled.
std::optional<SpanIds> ids_from(const std::string& traceparent) {
    if (traceparent.size() < 55) return std::nullopt;
    const auto trace = from_hex(traceparent.substr(3, 32));
    const auto span = from_hex(traceparent.substr(36, 16));
    const auto flags = from_hex(traceparent.substr(53, 2));
    if (!trace || !span || !flags || ((*flags)[0] & 1) == 0) return std::nullopt;
    SpanIds ids;
    std::memcpy(ids.trace.data(), trace->data(), ids.trace.size());
    std::memcpy(ids.parent.data(), span->data(), ids.parent.size());
    return ids;
}

/// Ids need no randomness of their own: a job's is random, and a span is its n-th.
SpanId span_id(const JobId& job, std::uint32_t number) {
    SpanId id{};
    const auto digest = sha256(job.text() + '/' + std::to_string(number));
    std::copy_n(digest.begin(), id.size(), id.begin());
    return id;
}

bool is_chosen(const SpanIds& ids, double ratio) {
    std::uint64_t value = 0;  // the last bytes, which are random in every version of trace ids
    for (std::size_t i = 9; i < ids.trace.size(); ++i) value = value << 8 | ids.trace[i];
    return static_cast<double>(value) < ratio * static_cast<double>(1ULL << 56);
}

}  // namespace

/// The wall clock knows milliseconds; the steady one goes on from there in between.
std::uint64_t Tracer::now() const {
    const auto wall = static_cast<std::uint64_t>(clock_.wall()) * 1'000'000;
    const auto past = std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.now() - anchor_);
    const auto fine = anchor_wall_ + static_cast<std::uint64_t>(past.count());
    if (anchor_wall_ != 0 && fine >= wall && fine - wall < 1'000'000) return fine;
    anchor_ = clock_.now();
    anchor_wall_ = wall;
    return wall;
}

std::vector<telemetry::Span> Tracer::take(std::size_t most) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, spans_.size()));
    std::vector<telemetry::Span> out(std::make_move_iterator(spans_.begin()),
                                     std::make_move_iterator(spans_.begin() + count));
    spans_.erase(spans_.begin(), spans_.begin() + count);
    return out;
}

void Tracer::add(telemetry::Span span) {
    if (spans_.size() >= kMostSpans) {
        ++dropped_;
        return;
    }
    spans_.push_back(std::move(span));
}

Tracer::Traced* Tracer::begin(const jobs::JobRecord& job) {
    auto ids = ids_from(job.traceparent);
    if (!ids || !is_chosen(*ids, ratio_)) return nullptr;
    if (jobs_.size() >= kMostJobs) {
        ++dropped_;
        return nullptr;
    }
    // A trace that was begun here names its own second half as the caller's span, and engines are
    // told of it: then that span is this one.
    const bool begun_here =
        std::equal(ids->parent.begin(), ids->parent.end(), ids->trace.begin() + 8);
    if (begun_here) {
        ids->span = std::exchange(ids->parent, {});
    } else {
        ids->span = span_id(job.id, 0);
    }
    Traced traced;
    traced.ids = *ids;
    traced.accepted = static_cast<std::uint64_t>(job.created_at) * 1'000'000;
    traced.queued = now();
    return &jobs_.insert_or_assign(job.id, std::move(traced)).first->second;
}

Tracer::Traced* Tracer::find(const jobs::JobRecord& job) {
    const auto found = jobs_.find(job.id);
    return found == jobs_.end() ? nullptr : &found->second;
}

telemetry::Span Tracer::child(Traced& traced, const char* name, std::uint64_t start,
                              std::uint64_t end) {
    telemetry::Span span;
    span.ids.trace = traced.ids.trace;
    span.ids.parent = traced.ids.span;
    span.name = name;
    span.start = start;
    span.end = std::max(start, end);
    return span;
}

void Tracer::job_accepted(const jobs::JobRecord& job) {
    next_.job_accepted(job);
    auto* traced = begin(job);
    if (traced == nullptr) return;
    auto span = child(*traced, "accept", traced->accepted, traced->queued);
    span.ids.span = span_id(job.id, ++traced->spans);
    add(std::move(span));
}

void Tracer::job_started(const jobs::JobRecord& job, const std::string& worker,
                         std::chrono::nanoseconds waited) {
    next_.job_started(job, worker, waited);
    auto* traced = find(job);
    // One that was taken up again after a start of the server.
    if (traced == nullptr && job.attempt > 1) traced = begin(job);
    if (traced == nullptr) return;
    traced->started = now();
    traced->attempt = job.attempt;
    traced->worker = worker;
    const auto since = static_cast<std::uint64_t>(std::max<std::int64_t>(waited.count(), 0));
    auto span = child(*traced, "queue", traced->started - std::min(since, traced->started),
                      traced->started);
    span.ids.span = span_id(job.id, ++traced->spans);
    add(std::move(span));
}

void Tracer::end_attempt(Traced& traced, const jobs::JobRecord& job, const std::string& outcome) {
    if (traced.started == 0) return;
    auto span = child(traced, "attempt", std::exchange(traced.started, 0), now());
    span.ids.span = span_id(job.id, ++traced.spans);
    span.kind = telemetry::SpanKind::client;
    span.attributes = {{"headrace.attempt", std::int64_t{traced.attempt}},
                       {"headrace.worker", traced.worker},
                       {"headrace.outcome", outcome}};
    const auto add_all = [&span](telemetry::Attributes&& more) {
        std::move(more.begin(), more.end(), std::back_inserter(span.attributes));
        more.clear();
    };
    add_all(std::move(traced.server));
    add_all(std::move(traced.gen_ai));
    const bool good = outcome == "succeeded";
    span.status = good ? telemetry::SpanStatus::ok : telemetry::SpanStatus::error;
    if (!good) span.message = outcome;
    const auto engine = job.usage.engine_us * 1000;
    if (good && engine > 0) {
        auto ran =
            child(traced, "engine", span.end - std::min(engine, span.end - span.start), span.end);
        ran.ids.parent = span.ids.span;
        ran.ids.span = span_id(job.id, ++traced.spans);
        add(std::move(ran));
    }
    add(std::move(span));
}

void Tracer::job_requeued(const jobs::JobRecord& job, const std::string& reason) {
    next_.job_requeued(job, reason);
    auto* traced = find(job);
    if (traced == nullptr) return;
    end_attempt(*traced, job, reason);
    traced->queued = now();
    traced->reasons.clear();
}

void Tracer::job_measured(const jobs::JobRecord& job, const jobs::EndFacts& facts) {
    next_.job_measured(job, facts);
    auto* traced = gen_ai_ ? find(job) : nullptr;
    if (traced == nullptr) return;
    traced->gen_ai = gen_ai_attributes(job, facts, std::move(traced->reasons));
}

/// A verbatim stream is not kept for the result: its parts alone tell why it ended. They hold its
/// bytes as they came, whole events each.
void Tracer::job_output(const JobId& job, const jobs::VersionPtr& version,
                        const jobs::OutputEvent& part) {
    next_.job_output(job, version, part);
    if (!gen_ai_ || !is_llm(version)) return;
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || found->second.reasons.size() >= kMostReasons) return;
    auto reasons = finish_reasons_in(part.values);
    std::move(reasons.begin(), reasons.end(), std::back_inserter(found->second.reasons));
}

void Tracer::server_called(const JobId& job, const std::string& base_url) {
    if (!gen_ai_) return;
    const auto found = jobs_.find(job);
    // Tried in vain elsewhere before the first byte: the last one is who answered.
    if (found != jobs_.end()) found->second.server = server_attributes(base_url);
}

void Tracer::job_ended(const jobs::JobRecord& job, std::chrono::nanoseconds ran) {
    next_.job_ended(job, ran);
    auto* traced = find(job);
    if (traced == nullptr) return;
    const std::string state(to_string(job.state));
    end_attempt(*traced, job, state);
    telemetry::Span span;
    span.ids = traced->ids;
    span.name = "job " + job.capability;
    span.kind = telemetry::SpanKind::server;
    span.start = traced->accepted;
    span.end = std::max(span.start, now());
    span.attributes = {{"headrace.job", job.id.text()},
                       {"headrace.tenant", job.tenant.name},
                       {"headrace.capability", job.capability},
                       {"headrace.version", job.version},
                       {"headrace.durable", job.job_class == jobs::JobClass::durable},
                       {"headrace.state", state},
                       {"headrace.attempts", std::int64_t{job.attempt}}};
    span.status = job.state == jobs::JobState::succeeded ? telemetry::SpanStatus::ok
                                                         : telemetry::SpanStatus::error;
    if (job.error) {
        // Words of engines may hold what callers sent: the code is enough here.
        span.attributes.emplace_back("error.type", job.error->code);
        span.message = job.error->code;
    }
    jobs_.erase(job.id);
    add(std::move(span));
}

}  // namespace headrace::main
