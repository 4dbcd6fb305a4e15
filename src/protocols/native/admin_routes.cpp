#include "protocols/native/admin_routes.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "jobs/service.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::protocols::native {
namespace {

Error no_such_worker() {
    return Error{ErrorCode::not_found, "there is no such worker", {}, 0};
}

void append_worker(std::string& out, const jobs::WorkerView& worker) {
    const auto& profile = worker.profile;
    out += "{\"id\":\"" + worker.id.text() + "\",\"name\":";
    append_json_string(out, profile.name);
    out += fmt::format(",\"pid\":{},\"host\":", profile.pid);
    append_json_string(out, profile.host);
    out += ",\"state\":";
    append_json_string(out, worker.state);
    out += ",\"versions\":[";
    for (const auto& version : profile.versions) {
        if (out.back() != '[') out += ',';
        append_json_string(out, version->text());
    }
    out += fmt::format("],\"slots\":{},\"running\":{}", profile.slots, worker.running);
    if (!profile.gpus.empty()) {
        out += ",\"gpus\":[";
        for (const auto& gpu : profile.gpus) {
            if (out.back() != '[') out += ',';
            append_json_string(out, gpu);
        }
        out += ']';
    }
    out += ",\"since\":\"" + to_rfc3339(worker.since) + "\"}";
}

void append_queue(std::string& out, const jobs::QueueView& queue) {
    out += "{\"capability\":";
    append_json_string(out, queue.version->text());
    out += ",\"tenant\":";
    append_json_string(out, queue.version->tenant.name);
    out += fmt::format(
        ",\"queued\":{},\"running\":{},\"workers\":{},\"slots\":{},\"free_slots\":{},\"paused\":{},"
        "\"draining\":{}",
        queue.queued, queue.running, queue.workers, queue.slots, queue.free_slots, queue.paused,
        queue.draining);
    if (queue.oldest_queued_at != 0) {
        out += ",\"oldest_queued_at\":\"" + to_rfc3339(queue.oldest_queued_at) + '"';
    }
    if (queue.average_run_s >= 0) out += fmt::format(",\"average_run_s\":{}", queue.average_run_s);
    out += '}';
}

}  // namespace

asio::awaitable<Reply> AdminRoutes::list_workers(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto workers = co_await site_.parts.jobs.workers();
    std::string text = "{\"workers\":[";
    for (const auto& worker : workers) {
        if (!access::may_see(who, worker.profile.tenant)) continue;
        if (text.back() != '[') text += ',';
        append_worker(text, worker);
    }
    text += "],\"next_cursor\":null}";
    co_return json_response(std::move(text));
}

asio::awaitable<Result<jobs::WorkerView>> AdminRoutes::find_worker(http::Exchange& exchange) {
    const auto id = WorkerId::parse(exchange.param("id"));
    if (!id) co_return fail(no_such_worker());
    auto workers = co_await site_.parts.jobs.workers();
    for (auto& worker : workers) {
        if (worker.id != *id) continue;
        if (!access::may_see(caller_of(exchange), worker.profile.tenant)) break;
        co_return std::move(worker);
    }
    co_return fail(no_such_worker());
}

asio::awaitable<Reply> AdminRoutes::get_worker(http::Exchange& exchange) {
    const auto worker = co_await find_worker(exchange);
    if (!worker) co_return fail(worker.error());
    std::string text;
    append_worker(text, *worker);
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> AdminRoutes::end_worker(http::Exchange& exchange, bool remove) {
    auto worker = co_await find_worker(exchange);
    if (!worker) co_return fail(worker.error());
    const auto& who = caller_of(exchange);
    const auto owner = worker->profile.tenant;
    if (!access::may_manage(who, owner)) {
        co_return fail(ErrorCode::permission_denied, "this worker belongs to another tenant");
    }
    auto done = co_await site_.parts.jobs.drain_worker(worker->id, remove);
    audit(site_, who, owner, remove ? "worker.remove" : "worker.drain", worker->id.text(), done);
    if (!done) co_return fail(std::move(done).error());
    worker->state = "draining";
    std::string text;
    append_worker(text, *worker);
    co_return json_response(std::move(text), 202);
}

asio::awaitable<Reply> AdminRoutes::drain_worker(http::Exchange& exchange) {
    return end_worker(exchange, false);
}

asio::awaitable<Reply> AdminRoutes::remove_worker(http::Exchange& exchange) {
    return end_worker(exchange, true);
}

asio::awaitable<Reply> AdminRoutes::list_queues(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto queues = co_await site_.parts.jobs.queues(who.tenant, who.system);
    std::string text = "{\"queues\":[";
    for (const auto& queue : queues) {
        if (text.back() != '[') text += ',';
        append_queue(text, queue);
    }
    text += "],\"next_cursor\":null}";
    co_return json_response(std::move(text));
}

/// The version whose queue is meant, also a hidden one that only stored jobs still know.
Result<catalog::VersionPtr> AdminRoutes::managed_version(http::Exchange& exchange) const {
    const auto& who = caller_of(exchange);
    const auto named = exchange.query("tenant");
    auto tenant =
        access::acting_tenant(who, named ? std::optional<std::string_view>(*named) : std::nullopt);
    if (!tenant) return fail(std::move(tenant).error());
    const auto snapshot = site_.parts.catalog.snapshot();
    const auto reference = exchange.param("name");
    auto version = snapshot->resolve(*tenant, reference);
    if (!version) {
        const auto at = reference.find('@');
        if (at == std::string_view::npos) return fail(std::move(version).error());
        auto hidden = snapshot->find(*tenant, reference.substr(0, at), reference.substr(at + 1));
        if (!hidden) return fail(std::move(version).error());
        version = std::move(hidden);
    }
    if (!access::may_manage(who, (*version)->tenant)) {
        return fail(ErrorCode::permission_denied, "this capability belongs to another tenant");
    }
    return version;
}

asio::awaitable<Reply> AdminRoutes::queue_reply(const access::Principal& who,
                                                catalog::VersionPtr version) {
    const auto queues = co_await site_.parts.jobs.queues(version->tenant, who.system);
    const auto same = [&](const jobs::QueueView& queue) {
        return queue.version->id == version->id;
    };
    const auto found = std::find_if(queues.begin(), queues.end(), same);
    jobs::QueueView none;
    none.version = version;
    std::string text;
    append_queue(text, found == queues.end() ? none : *found);
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> AdminRoutes::pause(http::Exchange& exchange) {
    auto version = managed_version(exchange);
    if (!version) co_return fail(std::move(version).error());
    const auto& who = caller_of(exchange);
    auto done = co_await site_.parts.jobs.pause(*version, true);
    audit(site_, who, (*version)->tenant, "queue.pause", (*version)->text(), done);
    if (!done) co_return fail(std::move(done).error());
    co_return co_await queue_reply(who, *version);
}

/// Undoes pause and drain.
asio::awaitable<Reply> AdminRoutes::resume(http::Exchange& exchange) {
    auto version = managed_version(exchange);
    if (!version) co_return fail(std::move(version).error());
    const auto& who = caller_of(exchange);
    auto done = co_await site_.parts.jobs.drain_queue(*version, false);
    if (done) done = co_await site_.parts.jobs.pause(*version, false);
    audit(site_, who, (*version)->tenant, "queue.resume", (*version)->text(), done);
    if (!done) co_return fail(std::move(done).error());
    co_return co_await queue_reply(who, *version);
}

asio::awaitable<Reply> AdminRoutes::drain_queue(http::Exchange& exchange) {
    auto version = managed_version(exchange);
    if (!version) co_return fail(std::move(version).error());
    const auto& who = caller_of(exchange);
    auto done = co_await site_.parts.jobs.drain_queue(*version, true);
    audit(site_, who, (*version)->tenant, "queue.drain", (*version)->text(), done);
    if (!done) co_return fail(std::move(done).error());
    co_return co_await queue_reply(who, *version);
}

asio::awaitable<Reply> AdminRoutes::purge(http::Exchange& exchange) {
    auto version = managed_version(exchange);
    if (!version) co_return fail(std::move(version).error());
    const auto purged = co_await site_.parts.jobs.purge(*version);
    audit(site_, caller_of(exchange), (*version)->tenant, "queue.purge", (*version)->text(),
          purged);
    if (!purged) co_return fail(purged.error());
    co_return json_response("{\"purged\":" + std::to_string(*purged) + '}');
}

void AdminRoutes::add_to(RouteList& routes) {
    using access::Right;
    constexpr auto kPost = http::Method::post;
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (AdminRoutes::*handler)(http::Exchange&)) {
        spec.route_class = http::RouteClass::admin;
        spec.tag = "operations";
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.pattern = "/workers",
           .right = Right::read_workers,
           .summary = "Connected workers",
           .answer = "WorkerList"},
          &AdminRoutes::list_workers);
    reply({.pattern = "/workers/{id}",
           .right = Right::read_workers,
           .summary = "One worker",
           .answer = "Worker",
           .errors = "404"},
          &AdminRoutes::get_worker);
    reply({.method = kPost,
           .pattern = "/workers/{id}/drain",
           .right = Right::manage_workers,
           .summary = "Give a worker no more jobs",
           .status = 202,
           .answer = "Worker",
           .errors = "404"},
          &AdminRoutes::drain_worker);
    reply({.method = kPost,
           .pattern = "/workers/{id}/remove",
           .right = Right::manage_workers,
           .summary = "Drain a worker, then let it go",
           .status = 202,
           .answer = "Worker",
           .errors = "404"},
          &AdminRoutes::remove_worker);
    reply({.pattern = "/queues",
           .right = Right::read_queues,
           .summary = "One queue per version",
           .answer = "QueueList"},
          &AdminRoutes::list_queues);
    reply({.method = kPost,
           .pattern = "/queues/{name}/pause",
           .right = Right::manage_queues,
           .summary = "Lease no more jobs of a version",
           .query = "tenant",
           .answer = "Queue",
           .errors = "404"},
          &AdminRoutes::pause);
    reply({.method = kPost,
           .pattern = "/queues/{name}/resume",
           .right = Right::manage_queues,
           .summary = "Undo pause and drain",
           .query = "tenant",
           .answer = "Queue",
           .errors = "404"},
          &AdminRoutes::resume);
    reply({.method = kPost,
           .pattern = "/queues/{name}/drain",
           .right = Right::manage_queues,
           .summary = "Accept no new jobs for a version",
           .query = "tenant",
           .answer = "Queue",
           .errors = "404"},
          &AdminRoutes::drain_queue);
    reply({.method = kPost,
           .pattern = "/queues/{name}/purge",
           .right = Right::manage_queues,
           .summary = "Cancel every queued job of a version",
           .query = "tenant",
           .answer = "Purged",
           .errors = "404"},
          &AdminRoutes::purge);
    reply({.pattern = "/dead-letters",
           .right = Right::read_dead_letters,
           .summary = "Jobs whose attempts are used up",
           .query = "capability cursor limit",
           .answer = "DeadLetterList",
           .errors = "400"},
          &AdminRoutes::dead_letters);
    reply({.method = kPost,
           .pattern = "/dead-letters/{job}/replay",
           .right = Right::replay,
           .summary = "Run a dead letter again, as a new job",
           .status = 202,
           .answer = "Job",
           .errors = "404 409"},
          &AdminRoutes::replay);
    reply({.pattern = "/usage",
           .right = Right::read_usage,
           .summary = "One record per ended job",
           .query = "capability from to cursor limit tenant",
           .answer = "UsageList",
           .errors = "400"},
          &AdminRoutes::usage);
    reply({.pattern = "/usage/summary",
           .right = Right::read_usage,
           .summary = "Usage added up by key, app, model or day",
           .query = "by capability from to tenant",
           .answer = "UsageSummary",
           .errors = "400"},
          &AdminRoutes::usage_summary);
    reply({.pattern = "/config",
           .right = Right::read_config,
           .summary = "The settings in force",
           .answer = "Settings"},
          &AdminRoutes::config);
    reply({.method = kPost,
           .pattern = "/reload",
           .right = Right::reload,
           .summary = "Read the settings again, all or nothing",
           .answer = "Reloaded",
           .errors = "400"},
          &AdminRoutes::reload);
}

}  // namespace headrace::protocols::native
