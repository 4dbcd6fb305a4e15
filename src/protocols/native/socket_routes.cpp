#include "protocols/native/socket_routes.hpp"

#include "catalog/catalog.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/job_permit.hpp"
#include "protocols/native/job_request.hpp"
#include "protocols/native/session.hpp"

namespace headrace::protocols::native {
namespace {

std::shared_ptr<const access::Principal> principal_of(const http::Exchange& exchange) {
    return std::static_pointer_cast<const access::Principal>(exchange.context);
}

}  // namespace

std::string traceparent_of(const http::TraceIds& trace) {
    const auto parent = trace.parent_id();
    const bool begun_here = parent.find_first_not_of('0') == std::string_view::npos;
    return trace.traceparent(begun_here ? trace.trace_id().substr(16) : parent);
}

asio::awaitable<void> SocketRoutes::session(http::Exchange& exchange) {
    const auto snapshot = site_.parts.catalog.snapshot();
    Session::Opening opening;
    opening.who = principal_of(exchange);
    auto version = resolve(*snapshot, *opening.who, exchange.param("name"));
    if (!version) {
        co_await answer_error(exchange, std::move(version).error());
        co_return;
    }
    opening.version = std::move(*version);
    if (opening.version->interface().mode != catalog::Mode::stream) {
        co_await answer_error(exchange, invalid("name", "mode:stream", "",
                                                "this capability takes jobs, not sessions"));
        co_return;
    }
    opening.traceparent = traceparent_of(exchange.head().trace);
    opening.origin = origin_of(exchange);
    if (site_.parts.limits.subjects() > 0) {
        auto permit = co_await admit_job(site_, exchange, *opening.version, 0);
        if (!permit) co_return;
        opening.permit = std::make_shared<JobPermit>(std::move(*permit));
    }
    auto socket = co_await exchange.accept_websocket(http::WebSocketLimits{});
    if (!socket) {
        if (opening.permit) opening.permit->withdraw();
        co_await answer_error(exchange, std::move(socket).error());
        co_return;
    }
    const auto session = std::make_shared<Session>(site_, std::move(opening), std::move(*socket));
    exchange.go_on_with(session->run(session));
}

asio::awaitable<void> SocketRoutes::link(http::Exchange& exchange) {
    auto who = principal_of(exchange);
    auto socket = co_await exchange.accept_websocket(http::WebSocketLimits{});
    if (!socket) {
        co_await answer_error(exchange, std::move(socket).error());
        co_return;
    }
    site_.parts.link(std::move(*socket), *who);
}

void SocketRoutes::add_to(RouteList& routes) {
    routes.add({.pattern = "/capabilities/{name}/session",
                .right = access::Right::open_session,
                .tag = "sessions",
                .summary = "WebSocket: frames in, frames out",
                .status = 101,
                .errors = "400 404"},
               [this](http::Exchange& exchange) { return session(exchange); });
    routes.add({.pattern = "/link",
                .route_class = http::RouteClass::worker,
                .right = access::Right::connect_worker,
                .tag = "workers",
                .summary = "WebSocket: the worker link",
                .status = 101,
                .errors = "400"},
               [this](http::Exchange& exchange) { return link(exchange); });
}

}  // namespace headrace::protocols::native
