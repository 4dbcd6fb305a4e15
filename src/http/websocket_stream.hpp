#pragma once
// Internal: WebSockets over a Transport.

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "http/transport.hpp"
#include "http/websocket.hpp"

namespace headrace::http {

/// Answers a handshake that was checked already. `early` is what the client sent behind its head.
asio::awaitable<Result<std::unique_ptr<WebSocket>>> accept_websocket_over(
    std::unique_ptr<Transport> transport, std::string key, std::string early, std::string protocol,
    WebSocketLimits limits);

/// Sends a handshake and checks the answer.
asio::awaitable<Result<std::unique_ptr<WebSocket>>> request_websocket_over(
    std::unique_ptr<Transport> transport, Url url, Headers headers, WebSocketLimits limits,
    SteadyTime deadline);

}  // namespace headrace::http
