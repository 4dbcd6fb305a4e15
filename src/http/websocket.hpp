#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/tls_settings.hpp"
#include "http/url.hpp"

namespace headrace::http {

namespace asio = boost::asio;

struct WebSocketLimits {
    std::size_t max_message_bytes = 1024 * 1024;   // more closes with 1009
    std::chrono::milliseconds ping_every{20'000};  // silence of twice this ends the connection
    std::chrono::milliseconds close_wait{5'000};   // for the other side's close frame
};

struct WebSocketMessage {
    bool binary = false;
    std::string data;
};

/// A WebSocket of either side, over TCP, TLS or a Unix socket. Belongs to one loop; at any time one
/// read and one write may be under way. Pings are sent and answered while a read is waiting, so
/// keep one waiting. Frames against RFC 6455 end it with 1002, bad UTF-8 with 1007, too much with
/// 1009.
class WebSocket {
  public:
    virtual ~WebSocket() = default;

    /// The next whole message. Error unavailable once closed; close_code() then tells why.
    virtual asio::awaitable<Result<WebSocketMessage>> read() = 0;
    /// Ends when the message is with the kernel; `data` must live until then.
    virtual asio::awaitable<Result<void>> write(std::string_view data, bool binary) = 0;
    /// Sends the close frame and waits, at most close_wait, for the other side's.
    virtual asio::awaitable<void> close(std::uint16_t code, std::string_view reason) = 0;
    /// Ends whatever is under way and drops the connection without a close frame.
    virtual void cancel() = 0;
    /// Code of the close frame that came in or that we sent for a broken frame; 1006 where the
    /// connection just ended; 0 while open.
    [[nodiscard]] virtual std::uint16_t close_code() const = 0;
    [[nodiscard]] virtual std::string_view close_reason() const = 0;
    [[nodiscard]] virtual asio::any_io_executor executor() const = 0;
};

/// Dials `url` (ws, wss, http, https or unix). Errors: unavailable (no connection),
/// deadline_exceeded, permission_denied and unauthenticated (403, 401), else unavailable naming the
/// status.
asio::awaitable<Result<std::unique_ptr<WebSocket>>> connect_websocket(
    Url url, Headers headers, TlsClientSettings tls, std::chrono::milliseconds timeout,
    WebSocketLimits limits);

}  // namespace headrace::http
