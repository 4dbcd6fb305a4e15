#include "protocols/native/job_routes.hpp"

#include <charconv>

#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "catalog/interface.hpp"
#include "catalog/semver.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/job_permit.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::uint32_t kMaxLimit = 200;

Error no_such_job() {
    return Error{ErrorCode::not_found, "there is no such job", {}, 0};
}

bool tag_matches(std::string_view header, std::string_view etag) {
    while (!header.empty()) {
        const auto end = std::min(header.find(','), header.size());
        auto tag = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        while (!tag.empty() && tag.front() == ' ') tag.remove_prefix(1);
        while (!tag.empty() && tag.back() == ' ') tag.remove_suffix(1);
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag == etag || tag == "*") return true;
    }
    return false;
}

bool is_reference(std::string_view text) {
    const auto at = text.find('@');
    if (!catalog::is_capability_name(text.substr(0, at))) return false;
    return at == std::string_view::npos || catalog::SemVer::parse(text.substr(at + 1)).has_value();
}

}  // namespace

jobs::Scope scope_of(const access::Principal& who) {
    return jobs::Scope{who.tenant, access::seen_caller(who)};
}

Links links_of(const Site& site, const http::Exchange& exchange) {
    const auto expires_at = site.parts.clock.wall() + site.settings.url_good_ms;
    return Links{site.parts.urls, expires_at, caller_of(exchange).tenant, origin_of(exchange)};
}

asio::awaitable<Result<jobs::JobView>> find_job(Site& site, const access::Principal& who,
                                                std::string_view id_text) {
    const auto id = JobId::parse(id_text);
    if (!id) co_return fail(no_such_job());
    auto scope = scope_of(who);
    auto view = co_await site.parts.jobs.get(std::move(scope), *id);
    if (!view) co_return fail(std::move(view).error());
    const auto catalog = site.parts.catalog.snapshot();
    if (!may_use_named(*catalog, who, view->record->capability)) co_return fail(no_such_job());
    co_return view;
}

http::Response accepted_response(std::string body, const JobId& id) {
    auto response = json_response(std::move(body), 202);
    response.headers.add("Location", std::string(kPrefix) + "/jobs/" + id.text());
    return response;
}

Result<void> read_page(const http::Exchange& exchange, std::optional<JobId>& before,
                       std::uint32_t& limit) {
    if (const auto text = exchange.query("limit")) {
        std::uint32_t number = 0;
        const auto* end = text->data() + text->size();
        const auto read = std::from_chars(text->data(), end, number);
        const bool whole = read.ec == std::errc{} && read.ptr == end;
        if (!whole || number < 1 || number > kMaxLimit) {
            const bool high = read.ec == std::errc::result_out_of_range || (whole && number > 0);
            return fail(invalid("query.limit", high ? "max" : "min",
                                high ? std::to_string(kMaxLimit) : "1", "limit takes 1 to 200"));
        }
        limit = number;
    }
    if (const auto text = exchange.query("cursor")) {
        before = JobId::parse(*text);
        if (!before) {
            return fail(invalid("query.cursor", "format:cursor", "", "this is no cursor of ours"));
        }
    }
    return {};
}

asio::awaitable<Reply> list_jobs(Site& site, const http::Exchange& exchange, jobs::JobQuery query,
                                 std::string_view plural) {
    const auto& who = caller_of(exchange);
    const std::uint32_t page = query.limit;
    // One more than asked tells whether there is a next page.
    if (page < kMaxLimit) query.limit = page + 1;
    auto views = co_await site.parts.jobs.list(std::move(query));
    if (!views) co_return fail(std::move(views).error());
    const bool more = page < kMaxLimit ? views->size() > page : views->size() == page;
    if (views->size() > page) views->resize(page);
    const auto links = links_of(site, exchange);
    std::string body = "{\"";
    body += plural;
    body += "\":[";
    const auto catalog = site.parts.catalog.snapshot();
    for (const auto& view : *views) {
        if (!may_use_named(*catalog, who, view.record->capability)) continue;
        if (body.back() != '[') body += ',';
        const auto& output = view.record->output;
        const bool here = output && !output->spilled && !view.record->output_removed;
        append_job(body, *view.record, links,
                   JobShape{&view.queue, here ? &output->values : nullptr});
    }
    body += "],\"next_cursor\":";
    if (more && !views->empty()) {
        append_json_string(body, views->back().record->id.text());
    } else {
        body += "null";
    }
    body += '}';
    co_return json_response(std::move(body));
}

asio::awaitable<Reply> JobRoutes::list(http::Exchange& exchange) {
    if (auto known = check_query(exchange, "state capability cursor limit"); !known) {
        co_return fail(known.error());
    }
    const auto& who = caller_of(exchange);
    jobs::JobQuery query;
    query.tenant = who.tenant;
    query.caller = access::seen_caller(who);
    if (auto page = read_page(exchange, query.before, query.limit); !page) {
        co_return fail(page.error());
    }
    if (const auto word = exchange.query("state")) {
        query.state = jobs::job_state_from(*word);
        if (!query.state) {
            co_return fail(invalid("query.state", "enum",
                                   "queued running succeeded failed cancelled expired",
                                   "state is not a state of jobs"));
        }
    }
    if (const auto reference = exchange.query("capability")) {
        if (!is_reference(*reference)) {
            co_return fail(invalid("query.capability", "format:capability", "",
                                   "capability takes name or name@version"));
        }
        query.capability = *reference;
    }
    co_return co_await list_jobs(site_, exchange, std::move(query), "jobs");
}

asio::awaitable<Reply> JobRoutes::get(http::Exchange& exchange) {
    const auto wait = wait_query(exchange);
    if (!wait) co_return fail(wait.error());
    const auto& who = caller_of(exchange);
    auto view = co_await find_job(site_, who, exchange.param("id"));
    if (!view) co_return fail(std::move(view).error());
    if (*wait > 0 && !jobs::is_terminal(view->record->state)) {
        const JobId id = view->record->id;
        auto end = std::make_shared<jobs::EndWatcher>(exchange.executor());
        auto scope = scope_of(who);
        auto ticket = co_await site_.parts.jobs.watch(std::move(scope), id, 0, end);
        if (!ticket) co_return fail(std::move(ticket).error());
        exchange.on_hangup([end] { end->hang_up(); });
        const auto outcome = co_await end->wait(std::chrono::seconds(*wait));
        if (outcome != jobs::EndWatcher::Outcome::ended) site_.parts.jobs.unwatch(*ticket);
        if (outcome == jobs::EndWatcher::Outcome::gone) {
            co_return fail(ErrorCode::cancelled, "the client left");
        }
        auto again = scope_of(who);
        view = co_await site_.parts.jobs.get(std::move(again), id);
        if (!view) co_return fail(std::move(view).error());
    }
    const auto etag = etag_of(*view);
    const auto known = exchange.header("If-None-Match");
    http::Response response;
    if (known && tag_matches(*known, etag)) {
        response.status = 304;
    } else {
        const auto links = links_of(site_, exchange);
        auto text = co_await job_text(site_, *view->record, view->queue, links);
        if (!text) co_return fail(std::move(text).error());
        response = json_response(std::move(*text));
    }
    response.headers.add("ETag", etag);
    co_return response;
}

asio::awaitable<Reply> JobRoutes::output(http::Exchange& exchange) {
    auto view = co_await find_job(site_, caller_of(exchange), exchange.param("id"));
    if (!view) co_return fail(std::move(view).error());
    const auto& job = *view->record;
    const auto links = links_of(site_, exchange);
    if (!jobs::is_terminal(job.state)) {
        auto text = co_await job_text(site_, job, view->queue, links);
        if (!text) co_return fail(std::move(text).error());
        co_return json_response(std::move(*text), 202);
    }
    if (job.output_removed) co_return fail(ErrorCode::gone, "the result was removed");
    if (job.state != jobs::JobState::succeeded) {
        std::string message = "the job has no output: it is ";
        message += jobs::to_string(job.state);
        if (job.error) message += " (" + job.error->code + ": " + job.error->message + ')';
        co_return fail(ErrorCode::conflict, std::move(message));
    }
    auto values = co_await output_values(site_, job.tenant, job.output);
    if (!values) co_return fail(std::move(values).error());
    std::string body;
    const std::string none;
    const std::string& text = *values ? **values : none;
    auto written = append_values(body, text, links, job.output ? &job.output->media : nullptr);
    if (!written) co_return fail(written.error());
    co_return json_response(std::move(body));
}

asio::awaitable<Reply> JobRoutes::cancel(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    auto view = co_await find_job(site_, who, exchange.param("id"));
    if (!view) co_return fail(std::move(view).error());
    auto scope = scope_of(who);
    auto outcome = co_await site_.parts.jobs.cancel(std::move(scope), view->record->id);
    if (!outcome) co_return fail(std::move(outcome).error());
    const auto links = links_of(site_, exchange);
    std::string body;
    append_job(body, *outcome->view.record, links, JobShape{&outcome->view.queue, nullptr});
    co_return json_response(std::move(body), outcome->was_running ? 202 : 200);
}

asio::awaitable<Reply> JobRoutes::retry(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    auto view = co_await find_job(site_, who, exchange.param("id"));
    if (!view) co_return fail(std::move(view).error());
    const auto& old = *view->record;
    const auto version =
        site_.parts.catalog.snapshot()->find(old.tenant, old.capability, old.version);
    std::optional<JobPermit> permit;
    if (version && site_.parts.limits.subjects() > 0) {
        const auto bytes = old.input ? old.input->values.size() : 0;
        auto taken = co_await take_permit(site_, who, *version, bytes);
        if (!taken) co_return fail(std::move(taken).error());
        permit.emplace(std::move(*taken));
    }
    auto scope = scope_of(who);
    auto again = co_await site_.parts.jobs.retry(std::move(scope), view->record->id);
    if (!again && permit) permit->withdraw();
    if (!again) co_return fail(std::move(again).error());
    if (permit) permit->handed_over();
    const auto links = links_of(site_, exchange);
    std::string body;
    append_job(body, *again->record, links, JobShape{&again->queue, nullptr});
    co_return accepted_response(std::move(body), again->record->id);
}

asio::awaitable<Reply> JobRoutes::remove(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    auto view = co_await find_job(site_, who, exchange.param("id"));
    if (!view) co_return fail(std::move(view).error());
    auto scope = scope_of(who);
    auto removed = co_await site_.parts.jobs.remove_output(std::move(scope), view->record->id);
    if (!removed) co_return fail(std::move(removed).error());
    co_return no_content();
}

void JobRoutes::add_to(RouteList& routes) {
    using enum http::Method;
    using access::Right;
    constexpr auto kClass = http::RouteClass::client;
    routes.add({.method = post,
                .pattern = "/jobs",
                .route_class = kClass,
                .right = Right::submit_job,
                .tag = "jobs",
                .summary = "Submit a job; Prefer: wait=N waits, Accept: "
                           "text/event-stream streams",
                .query = "",
                .headers = "Prefer Idempotency-Key",
                .request = "JobRequest",
                .status = 202,
                .answer = "Job sse",
                .errors = "400 404 413 415 422 429 503"},
               [this](http::Exchange& exchange) { return submit(exchange); });
    routes.add({.method = http::Method::get,
                .pattern = "/jobs/{id}/events",
                .route_class = kClass,
                .right = Right::read_job,
                .tag = "jobs",
                .summary = "The job's events as they come; Last-Event-ID resumes",
                .query = "",
                .headers = "Last-Event-ID",
                .request = "",
                .answer = "sse",
                .errors = "400 404"},
               [this](http::Exchange& exchange) { return events(exchange); });
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (JobRoutes::*handler)(http::Exchange&)) {
        spec.route_class = kClass;
        spec.tag = "jobs";
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.method = http::Method::get,
           .pattern = "/jobs",
           .right = Right::read_job,
           .summary = "List jobs, newest first",
           .query = "state capability cursor limit",
           .answer = "JobList",
           .errors = "400"},
          &JobRoutes::list);
    reply({.method = http::Method::get,
           .pattern = "/jobs/{id}",
           .right = Right::read_job,
           .summary = "One job; wait=N polls long",
           .query = "wait",
           .headers = "If-None-Match",
           .answer = "Job",
           .errors = "400 404"},
          &JobRoutes::get);
    reply({.method = http::Method::get,
           .pattern = "/jobs/{id}/output",
           .right = Right::read_job,
           .summary = "The output alone",
           .answer = "Output",
           .errors = "404 409 410"},
          &JobRoutes::output);
    reply({.method = post,
           .pattern = "/jobs/{id}/cancel",
           .right = Right::cancel_job,
           .summary = "Cancel a job",
           .answer = "Job",
           .errors = "404 409"},
          &JobRoutes::cancel);
    reply({.method = post,
           .pattern = "/jobs/{id}/retry",
           .right = Right::submit_job,
           .summary = "Run an unsuccessful job again, as a new one",
           .status = 202,
           .answer = "Job",
           .errors = "404 409 410 429 503"},
          &JobRoutes::retry);
    reply({.method = del,
           .pattern = "/jobs/{id}",
           .right = Right::remove_output,
           .summary = "Remove an ended job's result and media",
           .status = 204,
           .errors = "404 409"},
          &JobRoutes::remove);
}

}  // namespace headrace::protocols::native
