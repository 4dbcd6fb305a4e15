// What is kept about jobs and settings: dead letters, usage, configuration.
#include <fmt/format.h>

#include "base/json.hpp"
#include "jobs/log_io.hpp"
#include "jobs/service.hpp"
#include "protocols/native/admin_routes.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/job_routes.hpp"

namespace headrace::protocols::native {
namespace {

void append_usage_record(std::string& out, const jobs::UsageRecord& record) {
    out += "{\"job\":\"" + record.job.text() + "\",\"tenant\":";
    append_json_string(out, record.tenant.name);
    out += ",\"caller\":";
    append_json_string(out, record.caller);
    out += ",\"capability\":";
    append_json_string(out, record.capability + '@' + record.version);
    out += ",\"state\":";
    append_json_string(out, jobs::to_string(record.state));
    out += fmt::format(",\"attempts\":{},\"queued_s\":{},\"run_s\":{},\"usage\":", record.attempts,
                       static_cast<double>(record.queued_ms) / 1000,
                       static_cast<double>(record.run_ms) / 1000);
    append_usage(out, record.usage);
    out += ",\"finished_at\":\"" + to_rfc3339(record.finished_at) + "\"}";
}

Result<WallMs> time_query(const http::Exchange& exchange, std::string_view name) {
    const auto text = exchange.query(name);
    if (!text) return 0;
    auto time = from_rfc3339(*text);
    if (!time) {
        return fail(
            invalid("query." + std::string(name), "format:time", "", "not an RFC 3339 time"));
    }
    return *time;
}

}  // namespace

asio::awaitable<Reply> AdminRoutes::dead_letters(http::Exchange& exchange) {
    if (auto known = check_query(exchange, "capability cursor limit"); !known) {
        co_return fail(known.error());
    }
    jobs::JobQuery query;
    query.tenant = caller_of(exchange).tenant;
    query.dead_only = true;
    query.capability = exchange.query("capability").value_or("");
    if (auto page = read_page(exchange, query.before, query.limit); !page) {
        co_return fail(page.error());
    }
    co_return co_await list_jobs(site_, exchange, std::move(query), "dead_letters");
}

asio::awaitable<Reply> AdminRoutes::replay(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    auto dead = co_await find_job(site_, who, exchange.param("job"));
    if (!dead) co_return fail(std::move(dead).error());
    if (!dead->record->error || dead->record->error->reason != "dead") {
        co_return fail(ErrorCode::conflict, "the job is no dead letter");
    }
    auto scope = scope_of(who);
    auto again = co_await site_.parts.jobs.retry(std::move(scope), dead->record->id);
    audit(site_, who, who.tenant, "dead_letter.replay", dead->record->id.text(), again);
    if (!again) co_return fail(std::move(again).error());
    const auto links = links_of(site_, exchange);
    std::string text;
    append_job(text, *again->record, links, JobShape{&again->queue, nullptr});
    co_return accepted_response(std::move(text), again->record->id);
}

asio::awaitable<Reply> AdminRoutes::usage(http::Exchange& exchange) {
    if (auto known = check_query(exchange, "capability from to cursor limit tenant"); !known) {
        co_return fail(known.error());
    }
    const auto& who = caller_of(exchange);
    const auto named = exchange.query("tenant");
    auto tenant =
        access::acting_tenant(who, named ? std::optional<std::string_view>(*named) : std::nullopt);
    if (!tenant) co_return fail(std::move(tenant).error());
    const auto from = time_query(exchange, "from");
    if (!from) co_return fail(from.error());
    const auto to = time_query(exchange, "to");
    if (!to) co_return fail(to.error());
    jobs::UsageQuery query;
    query.tenant = std::move(*tenant);
    query.capability = exchange.query("capability").value_or("");
    query.from = *from;
    query.to = *to;
    if (auto page = read_page(exchange, query.before, query.limit); !page) {
        co_return fail(page.error());
    }
    const auto limit = query.limit;
    const auto records = co_await jobs::list_usage(site_.parts.log, std::move(query));
    if (!records) co_return fail(records.error());
    std::string text = "{\"usage\":[";
    for (const auto& record : *records) {
        if (text.back() != '[') text += ',';
        append_usage_record(text, record);
    }
    text += "],\"next_cursor\":";
    const bool full = records->size() >= limit;
    text += full ? '"' + records->back().job.text() + '"' : "null";
    text += '}';
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> AdminRoutes::config(http::Exchange&) {
    co_return json_response(site_.parts.config());
}

asio::awaitable<Reply> AdminRoutes::reload(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    auto done = co_await site_.parts.reload();
    audit(site_, who, who.tenant, "config.reload", "", done);
    if (!done) co_return fail(std::move(done).error());
    co_return json_response("{\"reloaded\":true}");
}

}  // namespace headrace::protocols::native
