#include "http/guarded_fetch.hpp"

#include <algorithm>

#include <boost/asio/this_coro.hpp>

#include "http/address_class.hpp"
#include "http/deadline.hpp"
#include "http/dial.hpp"

namespace headrace::http {
namespace {

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool same_origin(const Url& a, const Url& b) {
    return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

Result<Url> sound(Result<Url> url) {
    if (!url) return url;
    if (url->scheme != "http" && url->scheme != "https") {
        return fail(ErrorCode::invalid_argument, "the address must be http or https");
    }
    if (url->has_userinfo) {
        return fail(ErrorCode::invalid_argument, "the address must not hold a user or password");
    }
    return url;
}

Headers without_credentials(const Headers& headers) {
    Headers kept;
    for (const auto& field : headers.fields()) {
        if (equal_without_case(field.name, "authorization") ||
            equal_without_case(field.name, "cookie") ||
            equal_without_case(field.name, "proxy-authorization")) {
            continue;
        }
        kept.add(field.name, field.value);
    }
    return kept;
}

std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds(0));
}

/// The request of the next hop: RFC 9110 §15.4 turns all but 307 and 308 into a GET.
void follow(FetchRequest& request, int status, bool same) {
    if (status != 307 && status != 308 && request.method != "HEAD") {
        request.method = "GET";
        request.body.clear();
    }
    if (!same) request.headers = without_credentials(request.headers);
}

}  // namespace

FetchedContent::FetchedContent(ClientStream stream, Url url, std::uint64_t left,
                               std::chrono::steady_clock::time_point deadline)
    : stream_(std::move(stream)), url_(std::move(url)), left_(left), deadline_(deadline) {}

asio::awaitable<Result<std::optional<std::string>>> FetchedContent::read_some() {
    Deadline limit(co_await asio::this_coro::executor);
    limit.arm(deadline_, [this] { stream_.cancel(); });
    auto piece = co_await stream_.read_some();
    limit.disarm();
    if (limit.expired()) {
        co_return fail(ErrorCode::deadline_exceeded, "fetching " + url_.host + " took too long");
    }
    if (piece && *piece) {
        if ((*piece)->size() > left_) {
            stream_.cancel();
            co_return fail(ErrorCode::too_large, "what " + url_.host + " sends is too large");
        }
        left_ -= (*piece)->size();
    }
    co_return piece;
}

asio::awaitable<Result<std::string>> FetchedContent::read_all() {
    std::string all;
    for (;;) {
        auto piece = co_await read_some();
        if (!piece) co_return fail(std::move(piece).error());
        if (!*piece) co_return all;
        all.append(**piece);
    }
}

/// The address to connect to. Every address of the name must be allowed: one that is not shows a
/// name made to get around the check.
asio::awaitable<Result<std::string>> GuardedFetch::checked_address(
    std::string host, std::chrono::steady_clock::time_point deadline, Drop* drop) const {
    auto addresses = co_await resolve(host, deadline, drop);
    if (!addresses) co_return fail(std::move(addresses).error());
    const auto& hosts = settings_.allowed_hosts;
    const bool trusted_name = std::any_of(hosts.begin(), hosts.end(), [&](const auto& trusted) {
        return equal_without_case(trusted, host);
    });
    for (const auto& address : *addresses) {
        const auto& networks = settings_.allowed_networks;
        const bool allowed = trusted_name || classify(address) == AddressClass::global ||
                             std::any_of(networks.begin(), networks.end(), [&](const Cidr& block) {
                                 return block.contains(address);
                             });
        if (!allowed) {
            co_return fail(ErrorCode::permission_denied,
                           host + " leads to a " + std::string(to_string(classify(address))) +
                               " address, which is not allowed");
        }
    }
    co_return addresses->front().to_string();
}

asio::awaitable<Result<FetchedContent>> GuardedFetch::open(FetchRequest request) const {
    const auto deadline = std::chrono::steady_clock::now() + request.total_time;
    auto url = sound(Url::parse(request.url));
    for (int hops = 0;; ++hops) {
        if (!url) co_return fail(std::move(url).error());
        auto address = co_await checked_address(url->host, deadline);
        if (!address) co_return fail(std::move(address).error());
        ClientSettings settings;
        settings.tls = settings_.tls;
        settings.connect_time = std::min(settings.connect_time, left_until(deadline));
        settings.silence_time = left_until(deadline);
        Client client(co_await asio::this_coro::executor, settings);
        ClientRequest hop;
        hop.method = request.method;
        hop.url = *url;
        hop.headers = request.headers;
        hop.body = request.body;
        hop.connect_to = std::move(*address);
        auto stream = co_await client.open(std::move(hop));
        if (!stream) co_return fail(std::move(stream).error());
        const int status = stream->status();
        const auto location = stream->headers().find("location");
        if (!is_redirect(status) || !location) {
            co_return FetchedContent(std::move(*stream), std::move(*url), request.max_bytes,
                                     deadline);
        }
        if (hops >= settings_.max_redirects) {
            co_return fail(ErrorCode::permission_denied, request.url + " redirects too many times");
        }
        auto next = sound(url->resolve(*location));
        if (next && url->tls() && !next->tls()) {
            co_return fail(ErrorCode::permission_denied, "a redirect leads from https to http");
        }
        follow(request, status, next && same_origin(*url, *next));
        stream->cancel();
        url = std::move(next);
    }
}

}  // namespace headrace::http
