#include "main/operations.hpp"

#include "access/principal.hpp"
#include "http/exchange.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::main {
namespace {

constexpr auto kOpen = static_cast<http::RightId>(access::Right::open);
constexpr auto kMetrics = static_cast<http::RightId>(access::Right::read_metrics);

http::Response text(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(body);
    response.headers.add("Cache-Control", "no-store");
    return response;
}

}  // namespace

http::Mount Operations::mount(bool control) {
    using enum http::RouteClass;
    http::Mount mount;
    mount.name = "operations";
    // Also the shape of what http itself refuses before it knows a mount, or below none.
    mount.render_error = protocols::native::problem;
    mount.gate = [this](http::Exchange& exchange, const http::Route& route) {
        return gate(exchange, route);
    };
    const auto add = [&](std::string path, http::RightId right,
                         asio::awaitable<void> (Operations::*handler)(http::Exchange&)) {
        mount.routes.emplace_back(
            http::Method::get, std::move(path), open, right,
            [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    add("/healthz", kOpen, &Operations::healthz);
    add("/readyz", kOpen, &Operations::readyz);
    if (control) {
        add("/metrics", kMetrics, &Operations::metrics);
        add("/", kOpen, &Operations::home);
    }
    return mount;
}

std::optional<http::Response> Operations::gate(http::Exchange& exchange,
                                               const http::Route& route) const {
    if (route.right != kMetrics || exchange.head().peer_is_local) return std::nullopt;
    const auto header = exchange.header("Authorization");
    const auto key = header ? access::bearer_of(*header) : std::nullopt;
    const auto who = key ? parts_.keys.authenticate(*key, exchange.head().peer)
                         : fail(ErrorCode::unauthenticated, "a key is needed from here");
    if (!who && who.error().code == ErrorCode::unavailable) {
        auto response = text(503, who.error().message + "\n");
        response.headers.add("Retry-After", std::to_string(who.error().retry_after_s));
        return response;
    }
    if (!who) {
        auto response = text(401, "a key is needed from beyond loopback\n");
        response.headers.add("WWW-Authenticate", "Bearer");
        return response;
    }
    if (!access::authorize(**who, access::Right::read_metrics)) {
        return text(403, "this key may not read metrics\n");
    }
    return std::nullopt;
}

asio::awaitable<void> Operations::healthz(http::Exchange& exchange) {
    co_await exchange.respond(text(200, "ok\n"));
}

asio::awaitable<void> Operations::readyz(http::Exchange& exchange) {
    const auto reason = parts_.not_ready();
    auto response = reason.empty() ? text(200, "ready\n") : text(503, reason + "\n");
    if (!reason.empty()) response.headers.add("Retry-After", "1");
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> Operations::home(http::Exchange& exchange) {
    http::Response response(302);
    response.headers.add("Location", "/console/");
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> Operations::metrics(http::Exchange& exchange) {
    auto body = co_await parts_.metrics();
    auto response = text(200, std::move(body));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    co_await exchange.respond(std::move(response));
}

}  // namespace headrace::main
