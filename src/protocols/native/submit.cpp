// POST /jobs: from a body to a job, and the three ways of waiting for it.
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/inputs.hpp"
#include "protocols/native/job_permit.hpp"
#include "protocols/native/job_routes.hpp"
#include "protocols/native/limits_json.hpp"
#include "protocols/native/socket_routes.hpp"

namespace headrace::protocols::native {

namespace {

/// The payload of an input that needs no store: nothing to fetch, nothing to spill.
std::optional<jobs::Payload> plain_payload(const JobRequest& request, bool durable) {
    if (!is_plain(request.input)) return std::nullopt;
    jobs::Payload payload;
    payload.values = catalog::encode(request.input);
    if (durable && payload.values.size() > jobs::Payload::kInlineBytes) return std::nullopt;
    return payload;
}

}  // namespace

asio::awaitable<Result<jobs::Submission>> JobRoutes::read_submission(http::Exchange& exchange,
                                                                     AnswerForm& form) {
    auto asked = answer_form(exchange);
    if (!asked) co_return fail(std::move(asked).error());
    form = *asked;
    auto body = object_at_hand(exchange, site_.settings.max_body_bytes);
    if (!body) {
        auto read = co_await read_object(exchange, site_.settings.max_body_bytes);
        body = std::move(read);
    }
    if (!*body) co_return fail(body->error());
    const auto& who = caller_of(exchange);
    const auto catalog = site_.parts.catalog.snapshot();
    auto request = job_request(**body, exchange, *catalog, who);
    if (!request) co_return fail(std::move(request).error());

    jobs::Submission submission;
    const bool waits = form.wait_s.has_value() || form.stream;
    const bool durable = !waits || request->idempotency.has_value();
    auto payload = plain_payload(*request, durable);
    if (!payload) {
        auto made =
            co_await to_payload(site_, who, request->version, std::move(request->input), durable);
        if (!made) co_return fail(std::move(made).error());
        payload = std::move(*made);
    }
    submission.tenant = who.tenant;
    submission.caller = who.key_id;
    submission.version = std::move(request->version);
    submission.job_class = durable ? jobs::JobClass::durable : jobs::JobClass::interactive;
    submission.input = std::move(*payload);
    submission.priority = request->priority;
    submission.timeout_ms = request->timeout_ms;
    submission.ttl_ms = request->ttl_ms;
    if (request->deadline_ms > 0) {
        submission.deadline_at = site_.parts.clock.wall() + request->deadline_ms;
    }
    submission.idempotency = std::move(request->idempotency);
    submission.traceparent = traceparent_of(exchange.head().trace);
    co_return submission;
}

asio::awaitable<void> JobRoutes::submit(http::Exchange& exchange) {
    AnswerForm form;
    auto submission = co_await read_submission(exchange, form);
    if (!submission) {
        co_await answer_error(exchange, std::move(submission).error());
        co_return;
    }
    std::optional<JobPermit> permit;
    if (site_.parts.limits.subjects() > 0) {
        auto admitted = co_await admit_job(site_, exchange, *submission->version,
                                           submission->input.values.size());
        if (!admitted) co_return;
        permit.emplace(std::move(*admitted));
    }
    JobPermit* const held = permit ? &*permit : nullptr;
    if (form.stream) {
        co_await stream_new(exchange, std::move(*submission), held);
        co_return;
    }
    Reply reply = fail(ErrorCode::internal, "no answer");
    if (submission->job_class == jobs::JobClass::interactive) {
        reply = co_await run_interactive(exchange, std::move(*submission), *form.wait_s, held);
    } else {
        reply =
            co_await run_durable(exchange, std::move(*submission), form.wait_s.value_or(0), held);
    }
    if (reply && held) add_limit_headers(reply->headers, held->view());
    if (reply)
        co_await exchange.respond(std::move(*reply));
    else
        co_await answer_error(exchange, std::move(reply).error());
}

asio::awaitable<Reply> JobRoutes::ended(http::Exchange& exchange, const jobs::JobRecord& job) {
    const auto links = links_of(site_, exchange);
    auto text = co_await job_text(site_, job, std::nullopt, links);
    if (!text) co_return fail(std::move(text).error());
    co_return json_response(std::move(*text));
}

asio::awaitable<Reply> JobRoutes::run_interactive(http::Exchange& exchange,
                                                  jobs::Submission submission, int wait_s,
                                                  JobPermit* permit) {
    auto end = std::make_shared<jobs::EndWatcher>(exchange.executor());
    submission.watcher = end;
    auto accepted = co_await site_.parts.jobs.submit(std::move(submission));
    if (!accepted && permit) permit->withdraw();
    if (!accepted) co_return fail(std::move(accepted).error());
    const JobId id = accepted->id;
    Abandon abandon(site_.parts.jobs, id);
    exchange.on_hangup([end] { end->hang_up(); });
    const auto outcome = co_await end->wait(std::chrono::seconds(wait_s));
    if (outcome == jobs::EndWatcher::Outcome::gone) {
        co_return fail(ErrorCode::cancelled, "the client left");
    }
    if (outcome == jobs::EndWatcher::Outcome::ended) {
        abandon.release();
        const auto record = end->record();
        if (permit) permit->ended(record->usage);
        if (auto text = text_at_hand(*record, links_of(site_, exchange))) {
            co_return json_response(std::move(*text));
        }
        co_return co_await ended(exchange, *record);
    }
    // From here the caller learns the id, so the job must be on disk first.
    auto promoted = co_await site_.parts.jobs.promote(id);
    if (!promoted) co_return fail(std::move(promoted).error());
    abandon.release();
    if (jobs::is_terminal(promoted->record->state)) {
        if (permit) permit->ended(promoted->record->usage);
        co_return co_await ended(exchange, *promoted->record);
    }
    if (permit) permit->handed_over();
    const auto links = links_of(site_, exchange);
    std::string body;
    append_job(body, *promoted->record, links, JobShape{&promoted->queue, nullptr});
    co_return accepted_response(std::move(body), id);
}

asio::awaitable<Reply> JobRoutes::run_durable(http::Exchange& exchange, jobs::Submission submission,
                                              int wait_s, JobPermit* permit) {
    const bool keyed = submission.idempotency.has_value();
    auto scope = jobs::Scope{submission.tenant, std::nullopt};
    std::shared_ptr<jobs::EndWatcher> end;
    if (wait_s > 0) end = std::make_shared<jobs::EndWatcher>(exchange.executor());
    submission.watcher = end;
    auto accepted = co_await site_.parts.jobs.submit(std::move(submission));
    if (!accepted && permit) permit->withdraw();
    if (!accepted) co_return fail(std::move(accepted).error());
    if (permit) permit->handed_over();
    const auto& job = *accepted->view.record;
    Reply reply = fail(ErrorCode::internal, "no answer");
    auto outcome = jobs::EndWatcher::Outcome::ran_out;
    if (end && accepted->replay && jobs::is_terminal(job.state)) {
        outcome = jobs::EndWatcher::Outcome::ended;
        reply = co_await ended(exchange, job);
    } else if (end) {
        std::optional<jobs::WatchTicket> ticket;
        if (accepted->replay) {
            auto watching = co_await site_.parts.jobs.watch(std::move(scope), job.id, 0, end);
            if (!watching) co_return fail(std::move(watching).error());
            ticket = *watching;
        }
        exchange.on_hangup([end] { end->hang_up(); });
        outcome = co_await end->wait(std::chrono::seconds(wait_s));
        if (outcome == jobs::EndWatcher::Outcome::ended) {
            const auto record = end->record();
            reply = co_await ended(exchange, *record);
        } else if (ticket) {
            site_.parts.jobs.unwatch(*ticket);
        }
    }
    if (outcome != jobs::EndWatcher::Outcome::ended) {
        std::string body;
        if (keyed) {
            append_accepted(body, job);
        } else {
            const auto links = links_of(site_, exchange);
            append_job(body, job, links, JobShape{&accepted->view.queue, nullptr});
        }
        reply = accepted_response(std::move(body), job.id);
    }
    if (reply && accepted->replay) reply->headers.add("Idempotent-Replay", "true");
    co_return reply;
}

}  // namespace headrace::protocols::native
