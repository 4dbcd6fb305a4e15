#include "protocols/native/upstream_routes.hpp"

#include "base/await.hpp"
#include "base/json.hpp"
#include "jobs/service.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/upstream_json.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::size_t kMaxBody = 4 * 1024 * 1024;

/// Only who runs the server may let it dial into networks that are not public.
Result<void> check_private(const UpstreamChange& change, const access::Principal& who) {
    if (!change.asks_private || who.system) return {};
    return fail(ErrorCode::permission_denied,
                "allow_private is the system admin's: it opens networks that are not public");
}

Reply one(const Result<upstreams::UpstreamView>& view, int status = 200) {
    if (!view) return fail(view.error());
    std::string text;
    append_upstream(text, *view);
    return json_response(std::move(text), status);
}

}  // namespace

Result<TenantId> UpstreamRoutes::tenant_of(const http::Exchange& exchange) {
    if (auto known = check_query(exchange, "tenant"); !known) return fail(known.error());
    return access::acting_tenant(caller_of(exchange), exchange.query("tenant"));
}

asio::awaitable<Result<upstreams::UpstreamView>> UpstreamRoutes::find(TenantId tenant,
                                                                      std::string name) {
    auto& loop = site_.parts.jobs.core_loop();
    auto& room = site_.parts.upstreams;
    auto start = [&loop, &room, tenant = std::move(tenant),
                  name = std::move(name)](UniqueFunction<void(Result<View>)> done) {
        loop.dispatch([&room, tenant, name, done = std::move(done)]() mutable {
            done(room.find(tenant, name));
        });
    };
    return await_result<View>(std::move(start));
}

asio::awaitable<Result<upstreams::UpstreamView>> UpstreamRoutes::put(upstreams::UpstreamSpec spec,
                                                                     upstreams::Put how) {
    auto& loop = site_.parts.jobs.core_loop();
    auto& room = site_.parts.upstreams;
    auto start = [&loop, &room, spec = std::move(spec),
                  how](UniqueFunction<void(Result<View>)> done) mutable {
        loop.dispatch([&room, spec = std::move(spec), how, done = std::move(done)]() mutable {
            room.put(std::move(spec), how, std::move(done));
        });
    };
    return await_result<View>(std::move(start));
}

asio::awaitable<Reply> UpstreamRoutes::list(http::Exchange& exchange) {
    auto tenant = tenant_of(exchange);
    if (!tenant) co_return fail(std::move(tenant).error());
    const bool all = caller_of(exchange).system && !exchange.query("tenant");
    auto& loop = site_.parts.jobs.core_loop();
    auto& room = site_.parts.upstreams;
    auto start = [&](UniqueFunction<void(Result<std::vector<View>>)> done) {
        loop.dispatch([&room, tenant = *tenant, all, done = std::move(done)]() mutable {
            done(room.list(tenant, all));
        });
    };
    auto views = co_await await_result<std::vector<View>>(std::move(start));
    if (!views) co_return fail(std::move(views).error());
    std::string text = "{\"upstreams\":[";
    for (const auto& view : *views) {
        if (text.back() != '[') text += ',';
        append_upstream(text, view);
    }
    text += "],\"next_cursor\":null}";
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> UpstreamRoutes::add(http::Exchange& exchange) {
    const auto body = co_await read_object(exchange, kMaxBody);
    if (!body) co_return fail(body.error());
    const auto& who = caller_of(exchange);
    const auto* named = body->if_contains("tenant");
    const auto* tenant_text = named ? named->if_string() : nullptr;
    if (named && !tenant_text) {
        co_return fail(invalid("tenant", "type:string", "", "the upstream is not valid"));
    }
    auto tenant = access::acting_tenant(
        who, tenant_text ? std::optional<std::string_view>(*tenant_text) : std::nullopt);
    if (!tenant) co_return fail(std::move(tenant).error());
    upstreams::UpstreamSpec base;
    base.tenant = std::move(*tenant);
    base.origin = "admin";
    base.allow_private = who.system;
    auto change = read_upstream(*body, std::move(base), true);
    if (!change) co_return fail(std::move(change).error());
    if (auto may = check_private(*change, who); !may) co_return fail(may.error());
    const TenantId owner = change->spec.tenant;
    const std::string name = change->spec.name;
    auto view = co_await put(std::move(change->spec), upstreams::Put::add);
    audit(site_, who, owner, "upstream.create", name, view);
    auto reply = one(view, 201);
    if (reply) {
        reply->headers.add("Location", std::string(kPrefix) + "/upstreams/" + name);
    }
    co_return reply;
}

asio::awaitable<Reply> UpstreamRoutes::get(http::Exchange& exchange) {
    auto tenant = tenant_of(exchange);
    if (!tenant) co_return fail(std::move(tenant).error());
    const auto view = co_await find(*tenant, std::string(exchange.param("name")));
    co_return one(view);
}

asio::awaitable<Reply> UpstreamRoutes::change(http::Exchange& exchange) {
    auto tenant = tenant_of(exchange);
    if (!tenant) co_return fail(std::move(tenant).error());
    const auto body = co_await read_object(exchange, kMaxBody);
    if (!body) co_return fail(body.error());
    const auto& who = caller_of(exchange);
    const std::string name(exchange.param("name"));
    const auto known = co_await find(*tenant, name);
    if (!known) co_return fail(known.error());
    auto change = read_upstream(*body, *known->spec, false);
    if (!change) co_return fail(std::move(change).error());
    if (auto may = check_private(*change, who); !may) co_return fail(may.error());
    // Who may not open private networks may not move one that is allowed there, either.
    const bool moved = change->spec.base_url != known->spec->base_url;
    if (moved && !who.system) change->spec.allow_private = false;
    auto view = co_await put(std::move(change->spec), upstreams::Put::replace);
    audit(site_, who, *tenant, "upstream.change", name, view);
    co_return one(view);
}

asio::awaitable<Reply> UpstreamRoutes::remove(http::Exchange& exchange) {
    auto tenant = tenant_of(exchange);
    if (!tenant) co_return fail(std::move(tenant).error());
    const std::string name(exchange.param("name"));
    auto& loop = site_.parts.jobs.core_loop();
    auto& room = site_.parts.upstreams;
    auto start = [&](UniqueFunction<void(Result<void>)> done) {
        loop.dispatch([&room, tenant = *tenant, name, done = std::move(done)]() mutable {
            room.remove(tenant, name, std::move(done));
        });
    };
    auto removed = co_await await_result<void>(std::move(start));
    audit(site_, caller_of(exchange), *tenant, "upstream.remove", name, removed);
    if (!removed) co_return fail(std::move(removed).error());
    co_return no_content();
}

asio::awaitable<Reply> UpstreamRoutes::test(http::Exchange& exchange) {
    auto tenant = tenant_of(exchange);
    if (!tenant) co_return fail(std::move(tenant).error());
    const std::string name(exchange.param("name"));
    auto& loop = site_.parts.jobs.core_loop();
    auto& room = site_.parts.upstreams;
    auto start = [&](UniqueFunction<void(Result<upstreams::TestReport>)> done) {
        loop.dispatch([&room, tenant = *tenant, name, done = std::move(done)]() mutable {
            room.test(tenant, name, std::move(done));
        });
    };
    auto report = co_await await_result<upstreams::TestReport>(std::move(start));
    if (!report) co_return fail(std::move(report).error());
    std::string text = report->ok ? "{\"ok\":true" : "{\"ok\":false,\"message\":";
    if (!report->ok) append_json_string(text, report->message);
    text += ",\"took_ms\":" + std::to_string(report->took_ms) + ",\"models\":[";
    for (const auto& model : report->models) {
        if (text.back() != '[') text += ',';
        append_json_string(text, model);
    }
    co_return json_response(text + "]}");
}

void UpstreamRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (UpstreamRoutes::*handler)(http::Exchange&)) {
        spec.route_class = http::RouteClass::admin;
        spec.tag = "upstreams";
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.pattern = "/upstreams",
           .right = Right::read_upstreams,
           .summary = "List upstreams with their health",
           .query = "tenant",
           .answer = "UpstreamList",
           .errors = "400"},
          &UpstreamRoutes::list);
    reply({.method = http::Method::post,
           .pattern = "/upstreams",
           .right = Right::manage_upstreams,
           .summary = "Add a server that is dialled for models",
           .request = "UpstreamRequest",
           .status = 201,
           .answer = "Upstream",
           .errors = "400 409 413 415",
           .body_limit = kMaxBody},
          &UpstreamRoutes::add);
    reply({.pattern = "/upstreams/{name}",
           .right = Right::read_upstreams,
           .summary = "One upstream",
           .query = "tenant",
           .answer = "Upstream",
           .errors = "400 404"},
          &UpstreamRoutes::get);
    reply({.method = http::Method::patch,
           .pattern = "/upstreams/{name}",
           .right = Right::manage_upstreams,
           .summary = "Change what is named; the rest stays",
           .query = "tenant",
           .request = "UpstreamRequest",
           .answer = "Upstream",
           .errors = "400 404 409 413 415",
           .body_limit = kMaxBody},
          &UpstreamRoutes::change);
    reply({.method = http::Method::del,
           .pattern = "/upstreams/{name}",
           .right = Right::manage_upstreams,
           .summary = "Remove an upstream; calls under way go on",
           .query = "tenant",
           .status = 204,
           .errors = "400 404"},
          &UpstreamRoutes::remove);
    reply({.method = http::Method::post,
           .pattern = "/upstreams/{name}/test",
           .right = Right::manage_upstreams,
           .summary = "Ask the server now; what it finds counts",
           .query = "tenant",
           .answer = "UpstreamTest",
           .errors = "400 404"},
          &UpstreamRoutes::test);
}

}  // namespace headrace::protocols::native
