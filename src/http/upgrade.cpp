// How a request becomes a WebSocket, and how one is dialled: all that needs no Beast.
#include <algorithm>

#include "base/digest.hpp"
#include "http/connection.hpp"
#include "http/dial.hpp"
#include "http/websocket_stream.hpp"

namespace headrace::http {
namespace {

bool has_token(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        auto item = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        while (!item.empty() && (item.front() == ' ' || item.front() == '\t'))
            item.remove_prefix(1);
        while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
        if (equal_without_case(item, token)) return true;
    }
    return false;
}

/// RFC 6455 §4.2.1.
Result<std::string> handshake_key(const RequestHead& head, bool http_1_0) {
    const auto value = [&](std::string_view name) { return head.headers.find(name).value_or(""); };
    if (head.method != Method::get || http_1_0 || !has_token(value("upgrade"), "websocket") ||
        !has_token(value("connection"), "upgrade")) {
        return fail(ErrorCode::invalid_argument, "this address wants a WebSocket handshake");
    }
    if (value("sec-websocket-version") != "13") {
        return fail(ErrorCode::invalid_argument, "only WebSocket version 13 is spoken here");
    }
    std::string key(value("sec-websocket-key"));
    const auto nonce = from_base64(key);
    if (!nonce || nonce->size() != 16) {
        return fail(ErrorCode::invalid_argument, "broken Sec-WebSocket-Key");
    }
    return key;
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<WebSocket>>> Connection::accept_websocket(
    WebSocketLimits limits, std::string protocol) {
    auto key = handshake_key(head_, parser_.http_1_0());
    if (!key) co_return fail(std::move(key).error());
    if (!body_is_over()) {
        co_return fail(ErrorCode::invalid_argument, "a WebSocket handshake has no body");
    }
    if (status_ != 0 || watch_ || lost_) {
        co_return fail(ErrorCode::internal, "this request is answered or watched already");
    }
    status_ = 101;
    std::string early(in_.view());
    in_.consume(early.size());
    co_return co_await accept_websocket_over(std::move(transport_), std::move(*key),
                                             std::move(early), std::move(protocol), limits);
}

asio::awaitable<Result<std::unique_ptr<WebSocket>>> connect_websocket(
    Url url, Headers headers, TlsClientSettings tls, std::chrono::milliseconds timeout,
    WebSocketLimits limits) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    TlsContext context;
    if (url.tls()) {
        auto made = make_client_tls(tls);
        if (!made) co_return fail(std::move(made).error());
        context = std::move(*made);
    }
    auto transport = co_await dial(url, {}, tls, std::move(context), deadline, nullptr);
    if (!transport) co_return fail(std::move(transport).error());
    co_return co_await request_websocket_over(std::move(*transport), std::move(url),
                                              std::move(headers), limits, deadline);
}

}  // namespace headrace::http
