// What a door decides about a request before its handler runs, and before its body is read.
#include <algorithm>

#include "http/connection.hpp"

namespace headrace::http {
namespace {

constexpr std::string_view kAllMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// Whether the answer will be an event stream or a WebSocket, as far as the head tells.
bool opens_stream(const RequestHead& head) {
    if (head.headers.find("Upgrade")) return true;
    const auto accept = head.headers.find("Accept");
    return accept && accept->find("text/event-stream") != std::string_view::npos;
}

bool is_trusted(const std::vector<Cidr>& proxies, std::string_view address) {
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(address, error);
    return !error && std::any_of(proxies.begin(), proxies.end(),
                                 [&](const Cidr& block) { return block.contains(ip); });
}

}  // namespace

/// Names another page's script could reach a loopback door by (DNS rebinding) are refused: such a
/// door answers to loopback names, to its mounts' hosts and to what its settings allow.
bool Connection::host_is_allowed() const {
    const auto& core = shard_->core();
    if (!core.is_loopback || head_.host.empty()) return true;
    const auto host = head_.host;
    if (equal_without_case(host, "localhost") || host == "127.0.0.1" || host == "::1") return true;
    if (host.size() > 10 && equal_without_case(host.substr(host.size() - 10), ".localhost")) {
        return true;
    }
    return std::any_of(core.hosts.begin(), core.hosts.end(),
                       [&](const std::string& name) { return equal_without_case(name, host); });
}

void Connection::take_forwarded() {
    const auto& proxies = shard_->core().settings.trusted_proxies;
    if (proxies.empty() || !is_trusted(proxies, peer_)) return;
    head_.peer_is_local = false;
    if (const auto proto = head_.headers.find("x-forwarded-proto")) {
        head_.tls = equal_without_case(*proto, "https");
    }
    // Each hop appends the address it saw: the last one that is no trusted proxy is the client's.
    std::string chain;
    for (const auto& field : head_.headers.fields()) {
        if (!equal_without_case(field.name, "x-forwarded-for")) continue;
        chain.append(chain.empty() ? "" : ",").append(field.value);
    }
    std::string_view rest = chain;
    while (!rest.empty()) {
        const auto comma = rest.rfind(',');
        const auto hop = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
        boost::system::error_code error;
        const auto ip = asio::ip::make_address(hop, error);
        if (error) return;  // whoever wrote this is not to be believed about the rest either
        forwarded_peer_ = ip.to_string();
        head_.peer = forwarded_peer_;
        if (comma == std::string_view::npos || !is_trusted(proxies, hop)) return;
        rest = rest.substr(0, comma);
    }
}

std::optional<Response> Connection::answer_options(const RouteMatch& match) const {
    Response response;
    response.status = 204;
    response.headers.add("Allow", match.allow.empty() ? std::string(kAllMethods) : match.allow);
    const bool preflight = head_.headers.find("origin").has_value() &&
                           head_.headers.find("access-control-request-method").has_value();
    if (preflight && !shard_->core().settings.cors_origins.empty()) {
        response.headers.add("Access-Control-Allow-Methods",
                             match.allow.empty() ? std::string(kAllMethods) : match.allow);
        if (const auto wanted = head_.headers.find("access-control-request-headers")) {
            response.headers.add("Access-Control-Allow-Headers", std::string(*wanted));
        }
        response.headers.add("Access-Control-Max-Age", "600");
    }
    return response;
}

std::optional<Response> Connection::decide(Exchange& exchange) {
    const auto& core = shard_->core();
    take_forwarded();
    mount_ = core.router->first_mount();
    if (!host_is_allowed()) {
        return render({ErrorCode::permission_denied,
                       core.settings.name + ".allowed_hosts does not hold the name in Host",
                       {},
                       0},
                      421);
    }
    if (head_.target == "*") return answer_options({});
    const auto raw_path = head_.path;
    if (!path_.split(raw_path)) {
        return render({ErrorCode::invalid_argument, "broken percent escape in the path", {}, 0},
                      400);
    }
    head_.path = path_.decoded();
    auto match = core.router->match(head_.method, head_.host, path_, params_);
    if (match.mount) mount_ = match.mount;
    route_ = match.route;
    if (!route_) {
        if (match.allow.empty()) {
            return render({ErrorCode::not_found, "no such route", {}, 0}, 404);
        }
        if (head_.method == Method::options) return answer_options(match);
        auto response =
            render({ErrorCode::invalid_argument, "method not allowed here", {}, 0}, 405);
        response.headers.set("Allow", match.allow);
        return response;
    }
    if (core.shed_streams.load(std::memory_order_relaxed) &&
        route_->route_class != RouteClass::worker && opens_stream(head_)) {
        auto response = render(
            {ErrorCode::unavailable, "the server is short of memory: no new streams", {}, 5}, 503);
        response.headers.set("Retry-After", "5");
        return response;
    }
    if (mount_->gate) {
        if (auto refused = mount_->gate(exchange, *route_)) return refused;
    }
    if (body_ == BodyKind::length && body_left_ > body_limit()) {
        return render({ErrorCode::too_large,
                       "the body is larger than " + std::to_string(body_limit()) + " bytes",
                       {},
                       0},
                      413);
    }
    return std::nullopt;
}

Response Connection::render(const Error& error, int status) const {
    Response response;
    if (mount_ && mount_->render_error) {
        response = mount_->render_error(error, status, head_);
    } else {
        response = Response(status, "text/plain; charset=utf-8", error.message + "\n");
    }
    if (error.retry_after_s > 0 && !response.headers.find("retry-after")) {
        response.headers.add("Retry-After", std::to_string(error.retry_after_s));
    }
    return response;
}

}  // namespace headrace::http
