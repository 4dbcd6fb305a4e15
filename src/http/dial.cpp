#include "http/dial.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <openssl/x509_vfy.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/deadline.hpp"

namespace headrace::http {
namespace {

using tcp = asio::ip::tcp;
using Endpoint = asio::generic::stream_protocol::endpoint;

/// What a lookup leaves behind, also for nobody when the waiter has gone.
struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}
    tcp::resolver resolver;
    asio::steady_timer done;
    bool finished = false;
    error_code error;
    std::vector<asio::ip::address> addresses;
};

tl::unexpected<Error> no_connection(const Url& url, const std::string& why) {
    const auto where = url.scheme == "unix" ? "unix:" + url.socket_path : url.authority();
    return fail(ErrorCode::unavailable, "cannot connect to " + where + ": " + why);
}

tl::unexpected<Error> too_slow(const Url& url) {
    const auto where = url.scheme == "unix" ? "unix:" + url.socket_path : url.authority();
    return fail(ErrorCode::deadline_exceeded, "connecting to " + where + " took too long");
}

tl::unexpected<Error> dropped_by_us() {
    return fail(ErrorCode::cancelled, "the request was dropped");
}

bool is_dropped(const Drop* drop) {
    return drop != nullptr && drop->dropped();
}

/// Why the handshake failed: in whose hands it lies to mend it.
tl::unexpected<Error> no_handshake(const Url& url, const std::string& name, error_code error,
                                   long verdict) {
    if (verdict == X509_V_OK) return no_connection(url, "TLS: " + error.message());
    const bool other_name = verdict == X509_V_ERR_HOSTNAME_MISMATCH;
    const std::string why = X509_verify_cert_error_string(verdict);
    auto failed = no_connection(url, other_name ? "TLS: the certificate is not for the name " + name
                                                : "TLS: the certificate is not accepted: " + why);
    failed.value().violations.push_back(other_name ? Violation{"server_name", "tls:name", name}
                                                   : Violation{"ca", "tls:certificate", why});
    return failed;
}

asio::awaitable<error_code> connect_one(Transport::Socket& socket, Endpoint endpoint,
                                        SteadyTime deadline, Drop* drop) {
    error_code error;
    socket.close(error);
    socket.open(endpoint.protocol(), error);
    if (error) co_return error;
    Deadline limit(socket.get_executor());
    const auto end = [&socket] {
        error_code ignored;
        socket.cancel(ignored);
    };
    limit.arm(deadline, end);
    if (drop != nullptr) drop->hold(end);
    co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (drop != nullptr) drop->release();
    limit.disarm();
    if (!error && endpoint.protocol().family() != AF_UNIX) {
        const int on = 1;
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    co_return limit.expired() ? error_code(asio::error::timed_out) : error;
}

asio::awaitable<Result<std::vector<Endpoint>>> endpoints_of(const Url& url,
                                                            const std::string& connect_to,
                                                            SteadyTime deadline, Drop* drop) {
    std::vector<Endpoint> endpoints;
    if (url.scheme == "unix") {
        endpoints.emplace_back(asio::local::stream_protocol::endpoint(url.socket_path));
        co_return endpoints;
    }
    const std::string& host = connect_to.empty() ? url.host : connect_to;
    auto addresses = co_await resolve(host, deadline, drop);
    if (!addresses) co_return fail(std::move(addresses).error());
    for (const auto& address : *addresses) endpoints.emplace_back(tcp::endpoint(address, url.port));
    co_return endpoints;
}

}  // namespace

asio::awaitable<Result<std::vector<asio::ip::address>>> resolve(std::string host,
                                                                SteadyTime deadline, Drop* drop) {
    error_code no_literal;
    const auto literal = asio::ip::make_address(host, no_literal);
    if (!no_literal) {
        std::vector<asio::ip::address> one(1, literal);
        co_return one;
    }
    const auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor);
    lookup->done.expires_at(deadline);
    lookup->resolver.async_resolve(
        host, "", [lookup](error_code error, const tcp::resolver::results_type& results) {
            lookup->finished = true;
            lookup->error = error;
            for (const auto& entry : results) {
                lookup->addresses.push_back(entry.endpoint().address());
            }
            lookup->done.cancel();
        });
    error_code ignored;
    if (drop != nullptr) drop->hold([lookup] { lookup->done.cancel(); });
    co_await lookup->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (drop != nullptr) drop->release();
    if (is_dropped(drop)) co_return dropped_by_us();
    if (!lookup->finished) {
        co_return fail(ErrorCode::deadline_exceeded, "looking up " + host + " took too long");
    }
    if (lookup->error || lookup->addresses.empty()) {
        co_return fail(ErrorCode::unavailable, "cannot find the address of " + host);
    }
    co_return std::move(lookup->addresses);
}

asio::awaitable<Result<std::unique_ptr<Transport>>> dial(Url url, std::string connect_to,
                                                         TlsClientSettings settings, TlsContext tls,
                                                         SteadyTime deadline, Drop* drop) {
    const auto endpoints = co_await endpoints_of(url, connect_to, deadline, drop);
    if (!endpoints) co_return fail(endpoints.error());
    Transport::Socket socket(co_await asio::this_coro::executor);
    error_code error = asio::error::host_not_found;
    for (const auto& endpoint : *endpoints) {
        error = co_await connect_one(socket, endpoint, deadline, drop);
        if (is_dropped(drop)) co_return dropped_by_us();
        if (!error || error == asio::error::timed_out) break;
    }
    if (error == asio::error::timed_out) co_return too_slow(url);
    if (error) co_return no_connection(url, error.message());
    auto transport = std::make_unique<Transport>(std::move(socket));
    if (!url.tls()) co_return transport;
    auto& stream = *transport;
    Deadline limit(transport->executor());
    limit.arm(deadline, [&stream] { stream.close(); });
    if (drop != nullptr) drop->hold([&stream] { stream.close(); });
    const std::string name = settings.server_name.empty() ? url.host : settings.server_name;
    error = co_await stream.tls_connect(std::move(tls), name, settings.verify);
    limit.disarm();
    if (drop != nullptr) drop->release();
    if (is_dropped(drop)) co_return dropped_by_us();
    if (limit.expired()) co_return too_slow(url);
    if (error) co_return no_handshake(url, name, error, stream.tls_verdict());
    co_return transport;
}

}  // namespace headrace::http
