#include "protocols/native/status_routes.hpp"

#include <charconv>

#include "jobs/activity.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/on_core.hpp"

namespace headrace::protocols::native {
namespace {

constexpr int kMinWindow = 60;
constexpr int kMaxWindow = 3600;
constexpr int kWindow = 900;
constexpr auto kStep = static_cast<int>(jobs::Samples::kStep.count());

Result<int> window_of(const http::Exchange& exchange) {
    const auto text = exchange.query("window");
    if (!text) return kWindow;
    int window = 0;
    const auto* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, window);
    const bool whole = read.ec == std::errc{} && read.ptr == end;
    if (whole && window >= kMinWindow && window <= kMaxWindow) return window;
    const bool high = read.ec == std::errc::result_out_of_range || (whole && window > kMaxWindow);
    return fail(invalid("query.window", high ? "max" : "min",
                        std::to_string(high ? kMaxWindow : kMinWindow),
                        "window takes 60 to 3600 seconds"));
}

}  // namespace

asio::awaitable<Reply> StatusRoutes::status(http::Exchange& exchange) {
    if (auto known = check_query(exchange, ""); !known) co_return fail(known.error());
    const auto& who = caller_of(exchange);
    auto look = [&who, &activity = site_.parts.activity](jobs::Core& core) -> Result<StatusView> {
        const auto* tenant = seen_tenant(who);
        auto& samples = activity.samples();
        StatusView view;
        view.load = core.load();
        view.queues = core.queues(who.tenant, who.system);
        view.workers = core.workers();
        view.flows = samples.flows(tenant);
        view.totals = samples.totals(tenant);
        view.last = samples.series(tenant, 1);
        return view;
    };
    const auto view = co_await on_core<StatusView>(site_, std::move(look));
    if (!view) co_return fail(view.error());
    auto response =
        json_response(status_text(*view, site_.parts.server(), who, site_.parts.clock.wall()));
    response.headers.add("Cache-Control", "no-store");
    co_return response;
}

asio::awaitable<Reply> StatusRoutes::series(http::Exchange& exchange) {
    if (auto known = check_query(exchange, "window"); !known) co_return fail(known.error());
    const auto window = window_of(exchange);
    if (!window) co_return fail(window.error());
    const auto& who = caller_of(exchange);
    using Samples = std::vector<jobs::Sample>;
    const auto count = static_cast<std::size_t>(*window / kStep);
    auto look = [&who, count, &activity = site_.parts.activity](jobs::Core&) -> Result<Samples> {
        return activity.samples().series(seen_tenant(who), count);
    };
    const auto samples = co_await on_core<Samples>(site_, std::move(look));
    if (!samples) co_return fail(samples.error());
    auto response = json_response(series_text(*samples, who.system, site_.parts.clock.wall()));
    response.headers.add("Cache-Control", "no-store");
    co_return response;
}

void StatusRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (StatusRoutes::*handler)(http::Exchange&)) {
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.pattern = "/status",
           .route_class = http::RouteClass::admin,
           .right = Right::read_status,
           .tag = "console",
           .summary = "The server at a glance: totals, queues, workers, warnings",
           .answer = "Status",
           .errors = "400"},
          &StatusRoutes::status);
    reply({.pattern = "/status/series",
           .route_class = http::RouteClass::admin,
           .right = Right::read_status,
           .tag = "console",
           .summary = "The last minutes in steps of five seconds",
           .query = "window",
           .answer = "StatusSeries",
           .errors = "400"},
          &StatusRoutes::series);
    routes.add({.pattern = "/status/events",
                .route_class = http::RouteClass::admin,
                .right = Right::read_status,
                .tag = "console",
                .summary = "Samples every two seconds, and jobs as they change their state",
                .answer = "sse",
                .errors = "400 429"},
               [this](http::Exchange& exchange) { return events(exchange); });
    reply({.pattern = "/jobs/{id}/timeline",
           .right = Right::read_job,
           .tag = "jobs",
           .summary = "Where a job's time went, and the log lines that are still held",
           .answer = "Timeline",
           .errors = "404"},
          &StatusRoutes::timeline);
}

}  // namespace headrace::protocols::native
