#include "main/request_log.hpp"

#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "access/keys.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "catalog/values.hpp"
#include "catalog/version.hpp"
#include "jobs/tokens.hpp"
#include "main/llm_answer.hpp"

namespace headrace::main {
namespace {

constexpr std::size_t kDayLength = 10;
constexpr std::size_t kMostOfRefusal = 512;
constexpr std::string_view kRefused = "refused";

double ms(std::chrono::nanoseconds time) {
    return static_cast<double>(time.count() / 1'000) / 1'000;
}

void add_text(std::string& out, std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":");
    append_json_string(out, value);
}

template <class Number>
void add_number(std::string& out, std::string_view name, Number value) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":{}", name, value);
}

/// The trace's id in "00-TRACE-PARENT-01".
std::string_view trace_of(std::string_view traceparent) {
    constexpr std::size_t kBefore = 3;
    constexpr std::size_t kLength = 32;
    return traceparent.size() > kBefore + kLength ? traceparent.substr(kBefore, kLength)
                                                  : std::string_view();
}

/// HTTP status of a verbatim answer that is no 200: its job did what it was for, so it succeeded.
std::int64_t status_of(const jobs::JobRecord& job) {
    const auto* output = job.output && !job.output->spilled ? &job.output->values : nullptr;
    if (!output || output->find("status") == std::string::npos) return 0;
    const auto values = catalog::decode(*output);
    const auto* status = values ? values->find("status") : nullptr;
    const auto* number = status ? status->get<std::int64_t>() : nullptr;
    return number ? *number : 0;
}

/// What streamed, of a job whose result has no text: a verbatim stream, or one that did not end
/// well.
std::string text_of_parts(const std::vector<std::string>& parts) {
    std::string verbatim;
    std::string plain;
    for (const auto& part : parts) {
        const auto values = catalog::decode(part);
        if (!values) continue;
        const auto* response = values->find("response");
        const auto* bytes = response ? response->get<std::string>() : nullptr;
        const auto* text = values->find("text");
        const auto* words = text ? text->get<std::string>() : nullptr;
        if (bytes) verbatim += *bytes;
        if (words) plain += *words;
    }
    return verbatim.empty() ? plain : verbatim_text(verbatim);
}

}  // namespace

Result<std::unique_ptr<RequestLog>> RequestLog::open(RequestLogSettings settings,
                                                     telemetry::Registry& registry,
                                                     const Clock& clock,
                                                     const access::KeyRing* keys) {
    auto redaction = Redaction::make(settings.redact);
    if (!redaction) return fail(std::move(redaction).error());
    auto files = RequestFiles::open(settings.folder, settings.file_bytes, settings.keep_days);
    if (!files) {
        return fail(files.error().code, "request_log.folder: " + files.error().message);
    }
    return std::unique_ptr<RequestLog>(new RequestLog(
        std::move(settings), std::move(*files), std::move(*redaction), registry, clock, keys));
}

RequestLog::RequestLog(RequestLogSettings settings, RequestFiles files, Redaction redaction,
                       telemetry::Registry& registry, const Clock& clock,
                       const access::KeyRing* keys)
    : settings_(std::move(settings)),
      files_(std::move(files)),
      redaction_(std::move(redaction)),
      clock_(clock),
      keys_(keys),
      lines_(
          registry.counter("headrace_request_log_lines_total", "Calls in the request log.").cell()),
      failed_(registry
                  .counter("headrace_request_log_failed_total",
                           "Calls that could not be written into the request log.")
                  .cell()),
      dropped_(registry
                   .counter("headrace_request_log_dropped_total",
                            "Calls left out of the request log because too many waited.")
                   .cell()),
      left_out_(registry
                    .counter("headrace_request_log_left_out_total",
                             "Refused calls left out of the request log, too many of one key.")
                    .cell()),
      thread_([this] { run(); }) {}

RequestLog::~RequestLog() {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void RequestLog::record(const jobs::JobRecord& job, const jobs::EndFacts& facts,
                        std::string upstream, std::vector<std::string> parts) {
    Call entry;
    entry.job = job;
    entry.trace = trace_of(job.traceparent);
    entry.job.traceparent.clear();
    entry.job.progress = {};
    entry.job.input.reset();
    if (entry.job.output) entry.bytes += entry.job.output->bytes();
    if (settings_.bodies) {
        entry.input = facts.input;
        if (entry.input) entry.bytes += entry.input->bytes();
        for (const auto& part : parts) entry.bytes += part.size();
        entry.parts = std::move(parts);
    }
    entry.model = facts.version->model;
    entry.embeds = facts.version->interface().profile == catalog::Profile::embed;
    entry.upstream = std::move(upstream);
    entry.waited = facts.waited;
    if (facts.first_output) entry.first = *facts.first_output;
    entry.after = facts.after_first;
    const auto bytes = entry.bytes;
    push(std::move(entry), bytes);
}

void RequestLog::refused(access::Refusal refusal) {
    Refused entry;
    entry.at = clock_.wall();
    {
        const std::lock_guard lock(mutex_);
        const auto left_out = quota_.admit(refusal.key, entry.at);
        if (!left_out) return left_out_.add();
        entry.left_out = *left_out;
    }
    // A caller may have put much into either. More than is shown, so that a pattern finds its end.
    refusal.model = std::string(cut_text(refusal.model, kMostOfRefusal));
    refusal.message = std::string(cut_text(refusal.message, 4 * kMostOfRefusal));
    const auto bytes = refusal.model.size() + refusal.message.size();
    entry.what = std::move(refusal);
    push(std::move(entry), bytes);
}

void RequestLog::push(Entry entry, std::size_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= kMostWaiting || waiting_bytes_ + bytes > kMostWaitingBytes) {
            dropped_.add();
            return;
        }
        waiting_bytes_ += bytes;
        waiting_.push_back(std::move(entry));
    }
    changed_.notify_one();
}

void RequestLog::run() {
    for (;;) {
        std::deque<Entry> entries;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            entries.swap(waiting_);
            waiting_bytes_ = 0;
        }
        write(entries);
    }
}

void RequestLog::write(const std::deque<Entry>& entries) {
    const auto now = clock_.wall();
    auto day = to_rfc3339(now).substr(0, kDayLength);
    if (day != swept_) {
        files_.expire(now);
        swept_ = std::move(day);
    }
    std::string line;
    for (const auto& entry : entries) {
        line.clear();
        std::visit([&](const auto& of) { add_line(line, of); }, entry);
        if (files_.append(line, now)) {
            lines_.add();
        } else {
            if (failed_.value() == 0) {
                log::error("the request log cannot be written folder={}",
                           settings_.folder.string());
            }
            failed_.add();
        }
    }
}

void RequestLog::add_line(std::string& out, const Refused& refused) const {
    const auto& what = refused.what;
    out.append("{\"at\":\"").append(to_rfc3339(refused.at)).push_back('"');
    add_text(out, "trace", what.trace);
    add_text(out, "tenant", what.tenant.name);
    add_text(out, "key", what.key);
    add_owners(out, what.tenant, what.key);
    if (!what.capability.empty()) add_text(out, "capability", what.capability);
    std::string text = what.model;
    redaction_.apply(text);
    add_text(out, "model", text);
    add_text(out, "operation", what.operation);
    add_text(out, "outcome", kRefused);
    if (!what.code.empty()) add_text(out, "code", what.code);
    add_number(out, "status", what.status);
    text = what.message;
    redaction_.apply(text);
    add_text(out, "message", cut_text(text, kMostOfRefusal));
    if (refused.left_out > 0) add_number(out, "left_out", refused.left_out);
    out.append("}\n");
}

void RequestLog::add_line(std::string& out, const Call& entry) const {
    const auto& job = entry.job;
    fmt::format_to(std::back_inserter(out), R"({{"at":"{}","job":"{}")", to_rfc3339(job.created_at),
                   job.id.text());
    if (!entry.trace.empty()) add_text(out, "trace", entry.trace);
    add_text(out, "tenant", job.tenant.name);
    add_text(out, "key", job.caller);
    add_owners(out, job.tenant, job.caller);
    add_text(out, "capability", job.capability);
    add_text(out, "model", entry.model);
    add_text(out, "operation", entry.embeds ? "embed" : "chat");
    out.append(job.job_class == jobs::JobClass::durable ? R"(,"durable":true)"
                                                        : R"(,"durable":false)");
    add_text(out, "outcome", jobs::to_string(job.state));
    if (job.error) add_text(out, "code", job.error->code);
    if (const auto status = status_of(job); status != 0) add_number(out, "status", status);
    if (!entry.upstream.empty()) add_text(out, "upstream", entry.upstream);
    add_number(out, "attempts", job.attempt);
    const auto& usage = job.usage;
    add_number(out, "prompt_tokens", jobs::meter_of(usage, "prompt_tokens", "input_tokens"));
    add_number(out, "completion_tokens",
               jobs::meter_of(usage, "completion_tokens", "output_tokens"));
    add_number(out, "cached_tokens", jobs::meter_of(usage, "cached_tokens", "cached_tokens"));
    add_number(out, "queue_ms", ms(entry.waited));
    if (entry.first.count() >= 0) {
        add_number(out, "first_token_ms", ms(entry.first));
        add_number(out, "rest_ms", ms(entry.after));
    }
    add_number(out, "total_ms", job.finished_at - job.created_at);
    if (settings_.bodies) add_bodies(out, entry);
    out.append("}\n");
}

/// Of the key as it is now, moments after the call.
void RequestLog::add_owners(std::string& out, const TenantId& tenant,
                            const std::string& key) const {
    const auto who = keys_ ? keys_->whose(key) : nullptr;
    if (!who || who->tenant != tenant) return;
    if (!who->app.empty()) add_text(out, "app", who->app);
    if (!who->user.empty()) add_text(out, "user", who->user);
}

void RequestLog::add_body(std::string& out, std::string_view name, std::string_view text) const {
    const auto kept = cut_text(text, settings_.body_bytes);
    add_text(out, name, kept);
    if (kept.size() < text.size()) add_number(out, std::string(name) + "_bytes", text.size());
}

/// What lies in the blob store, as what is above 64 KiB of a durable job, is not fetched for this.
void RequestLog::add_bodies(std::string& out, const Call& entry) const {
    const auto decoded = [](const std::shared_ptr<const jobs::Payload>& from) {
        return from && !from->spilled ? catalog::decode(from->values)
                                      : fail(ErrorCode::not_found, "not in memory");
    };
    if (const auto values = decoded(entry.input)) {
        add_body(out, "request", redaction_.apply_json(request_text(*values)));
    }
    if (entry.embeds) return;
    const auto values = decoded(entry.job.output);
    auto text = values ? answer_text(*values) : std::string();
    if (text.empty() && !entry.parts.empty()) text = text_of_parts(entry.parts);
    if (text.empty()) return;
    redaction_.apply(text);
    add_body(out, "answer", text);
}

}  // namespace headrace::main
