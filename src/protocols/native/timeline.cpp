#include "protocols/native/timeline.hpp"

#include <variant>
#include <vector>

#include <fmt/format.h>

#include "base/json.hpp"
#include "jobs/log_io.hpp"
#include "protocols/native/job_json.hpp"
#include "protocols/native/job_routes.hpp"
#include "protocols/native/on_core.hpp"
#include "protocols/native/status_routes.hpp"

namespace headrace::protocols::native {
namespace {

/// A larger input is for who submitted it, not for a page to look at.
constexpr std::size_t kMaxShownInput = 64 * 1024;

struct Span {
    std::string_view name;
    WallMs start = 0;
    WallMs end = 0;  // 0: goes on
    const jobs::Attempt* attempt = nullptr;
    std::string error = {};
};

void append_span(std::string& out, const Span& span) {
    if (out.back() != '[') out += ',';
    out += fmt::format("{{\"name\":\"{}\"", span.name);
    if (span.attempt != nullptr) {
        out += fmt::format(",\"attempt\":{},\"worker\":", span.attempt->number);
        append_json_string(out, span.attempt->worker);
    }
    out += ",\"start\":\"" + to_rfc3339(span.start) + "\",\"end\":";
    out += span.end == 0 ? "null" : '"' + to_rfc3339(span.end) + '"';
    if (!span.error.empty()) {
        out += ",\"error\":";
        append_json_string(out, span.error);
    }
    out += '}';
}

/// Why an attempt ended without the job's success. The words of the engine are kept for the last.
std::string error_of(const jobs::JobRecord& job, const jobs::Attempt& attempt) {
    if (attempt.outcome == "succeeded" || attempt.outcome == "running") return {};
    const bool last = &attempt == &job.attempts.back();
    if (last && job.error) return job.error->code + ": " + job.error->message;
    return attempt.outcome;
}

}  // namespace

std::string spans_text(const jobs::JobRecord& job) {
    std::string out = "[";
    append_span(out, {"accept", job.created_at, job.created_at});
    WallMs queued_at = job.created_at;
    for (const auto& attempt : job.attempts) {
        append_span(out, {"queue", queued_at, attempt.started_at});
        append_span(out, {"attempt", attempt.started_at, attempt.finished_at, &attempt,
                          error_of(job, attempt)});
        queued_at = attempt.finished_at;
    }
    if (job.state == jobs::JobState::queued) append_span(out, {"queue", queued_at, 0});
    if (jobs::is_terminal(job.state)) {
        if (job.state == jobs::JobState::succeeded) {
            append_span(out, {"output", queued_at, job.finished_at});
        } else if (queued_at < job.finished_at || job.attempts.empty()) {
            append_span(out, {"queue", queued_at, job.finished_at, nullptr,
                              job.error ? job.error->code + ": " + job.error->message : ""});
        }
    }
    out += ']';
    return out;
}

std::string logs_text(std::span<const std::shared_ptr<const jobs::JobEvent>> events) {
    std::string out = "[";
    std::uint32_t attempt = 1;
    for (const auto& event : events) {
        if (const auto* state = std::get_if<jobs::StateEvent>(&event->what)) {
            if (state->state == jobs::JobState::running) attempt = state->attempt;
        } else if (const auto* line = std::get_if<jobs::LogEvent>(&event->what)) {
            if (out.back() != '[') out += ',';
            out += "{\"time\":\"" + to_rfc3339(line->at) + "\",\"level\":";
            out += line->stream == "stderr" ? "\"warn\"" : "\"info\"";
            out += ",\"stream\":";
            append_json_string(out, line->stream);
            out += ",\"message\":";
            append_json_string(out, line->line);
            out += fmt::format(",\"attempt\":{}}}", attempt);
        }
    }
    out += ']';
    return out;
}

asio::awaitable<Reply> StatusRoutes::timeline(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    auto view = co_await find_job(site_, who, exchange.param("id"));
    if (!view) co_return fail(std::move(view).error());
    const auto& job = *view->record;
    using Events = std::vector<std::shared_ptr<const jobs::JobEvent>>;
    auto look = [scope = scope_of(who), id = job.id](jobs::Core& core) -> Result<Events> {
        return core.events(scope, id);
    };
    const auto events = co_await on_core<Events>(site_, std::move(look));
    if (!events) co_return fail(events.error());
    const auto links = links_of(site_, exchange);
    auto text = co_await job_text(site_, job, view->queue, links);
    if (!text) co_return fail(std::move(text).error());
    std::string body = "{\"job\":";
    body += *text;
    body += ",\"spans\":";
    body += spans_text(job);
    body += ",\"logs\":";
    body += logs_text(*events);
    auto input = job.input;
    if (!input) {
        // The core lets go of it at the job's end; the log keeps it.
        auto loaded = co_await jobs::load_input(site_.parts.log, job.tenant, job.id);
        if (loaded) input = std::move(*loaded);
    }
    if (input && !input->spilled && input->values.size() <= kMaxShownInput) {
        std::string values;
        if (append_values(values, input->values, links, &input->media)) {
            body += ",\"input\":" + values;
        }
    }
    body += '}';
    co_return json_response(std::move(body));
}

}  // namespace headrace::protocols::native
