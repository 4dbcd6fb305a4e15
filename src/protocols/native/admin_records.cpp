// What is kept about jobs and settings: dead letters, usage, configuration.
#include <fmt/format.h>

#include "access/keys.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "jobs/log_io.hpp"
#include "jobs/service.hpp"
#include "protocols/native/admin_routes.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/job_routes.hpp"
#include "protocols/native/limits_json.hpp"
#include "protocols/native/usage_summary.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::uint32_t kSummaryPage = 200;
constexpr std::uint64_t kSummaryRecords = 2'000'000;  // read for one summary, at most

/// What is known about a record's caller and version now: a key keeps its record when it is
/// revoked, a version that is gone has its name.
UsageNames names_of(const Site& site, const jobs::UsageRecord& record) {
    UsageNames names;
    names.model = record.capability;
    const auto who = site.parts.keys.whose(record.caller);
    if (who && who->tenant == record.tenant) {
        names.key_name = who->name;
        names.app = who->app;
    }
    const auto version =
        site.parts.catalog.snapshot()->find(record.tenant, record.capability, record.version);
    if (version) names.model = version->model;
    return names;
}

void append_usage_record(std::string& out, const jobs::UsageRecord& record, std::string_view app) {
    out += "{\"job\":\"" + record.job.text() + "\",\"tenant\":";
    append_json_string(out, record.tenant.name);
    out += ",\"caller\":";
    append_json_string(out, record.caller);
    append_text_member(out, "app", app);
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

/// Whose records, of what and when; the page is the caller's to add.
Result<jobs::UsageQuery> AdminRoutes::usage_query(const http::Exchange& exchange) const {
    const auto named = exchange.query("tenant");
    auto tenant = access::acting_tenant(
        caller_of(exchange), named ? std::optional<std::string_view>(*named) : std::nullopt);
    if (!tenant) return fail(std::move(tenant).error());
    const auto from = time_query(exchange, "from");
    if (!from) return fail(from.error());
    const auto to = time_query(exchange, "to");
    if (!to) return fail(to.error());
    jobs::UsageQuery query;
    query.tenant = std::move(*tenant);
    query.capability = exchange.query("capability").value_or("");
    query.from = *from;
    query.to = *to;
    return query;
}

asio::awaitable<Reply> AdminRoutes::usage(http::Exchange& exchange) {
    if (auto known = check_query(exchange, "capability from to cursor limit tenant"); !known) {
        co_return fail(known.error());
    }
    auto query = usage_query(exchange);
    if (!query) co_return fail(std::move(query).error());
    if (auto page = read_page(exchange, query->before, query->limit); !page) {
        co_return fail(page.error());
    }
    const auto limit = query->limit;
    const auto records = co_await jobs::list_usage(site_.parts.log, std::move(*query));
    if (!records) co_return fail(records.error());
    std::string text = "{\"usage\":[";
    for (const auto& record : *records) {
        if (text.back() != '[') text += ',';
        append_usage_record(text, record, names_of(site_, record).app);
    }
    text += "],\"next_cursor\":";
    const bool full = records->size() >= limit;
    text += full ? '"' + records->back().job.text() + '"' : "null";
    text += '}';
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> AdminRoutes::usage_summary(http::Exchange& exchange) {
    if (auto known = check_query(exchange, "by capability from to tenant"); !known) {
        co_return fail(known.error());
    }
    auto by = usage_by(exchange.query("by").value_or("model"));
    if (!by) co_return fail(std::move(by).error());
    auto query = usage_query(exchange);
    if (!query) co_return fail(std::move(query).error());
    query->limit = kSummaryPage;
    UsageSummary summary(std::move(*by));
    while (true) {
        auto page = *query;
        const auto records = co_await jobs::list_usage(site_.parts.log, std::move(page));
        if (!records) co_return fail(records.error());
        for (const auto& record : *records) summary.add(record, names_of(site_, record));
        if (records->size() < kSummaryPage) break;
        query->before = records->back().job;
        if (summary.records() >= kSummaryRecords) {
            summary.cut_short();
            break;
        }
    }
    co_return json_response(summary.json());
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
