#include "http/websocket.hpp"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "http/beast_stream.hpp"
#include "http/deadline.hpp"
#include "http/websocket_stream.hpp"

namespace headrace::http {
namespace {

namespace beast = boost::beast;
namespace ws = beast::websocket;
using Stream = ws::stream<BeastStream, false>;

constexpr std::size_t kFirstPiece = 64;  // of a message; more once its length is known
constexpr std::size_t kNextPiece = 1536;

class BeastWebSocket final : public WebSocket {
  public:
    BeastWebSocket(std::unique_ptr<Transport> transport, const WebSocketLimits& limits)
        : stream_(std::move(transport)), max_bytes_(limits.max_message_bytes) {
        stream_.read_message_max(limits.max_message_bytes);
        stream_.auto_fragment(false);
        // Beast pings at half the idle time, and ends the connection at the whole of it.
        stream_.set_option(ws::stream_base::timeout{
            std::chrono::duration_cast<std::chrono::nanoseconds>(limits.close_wait),
            std::chrono::duration_cast<std::chrono::nanoseconds>(limits.ping_every * 2), true});
    }

    asio::awaitable<Result<WebSocketMessage>> read() override {
        // Beast's own async_read would hold 1.5 kB while nothing comes.
        WebSocketMessage message;
        std::size_t got = 0;
        std::size_t room = kFirstPiece;
        error_code error;
        while (true) {
            message.data.resize(got + std::min(room, max_bytes_ + 1 - got));
            auto piece = asio::buffer(message.data.data() + got, message.data.size() - got);
            got += co_await stream_.async_read_some(
                piece, asio::redirect_error(asio::use_awaitable, error));
            if (error || stream_.is_message_done()) break;
            room = stream_.read_size_hint(kNextPiece);
        }
        message.data.resize(got);
        if (error) {
            note(error);
            co_return fail(ErrorCode::unavailable,
                           "the WebSocket is closed: " + std::to_string(close_code_));
        }
        message.binary = stream_.got_binary();
        co_return message;
    }

    asio::awaitable<Result<void>> write(std::string_view data, bool binary) override {
        stream_.binary(binary);
        error_code error;
        co_await stream_.async_write(asio::buffer(data),
                                     asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return fail(ErrorCode::unavailable, "the WebSocket is closed");
        co_return Result<void>{};
    }

    asio::awaitable<void> close(std::uint16_t code, std::string_view reason) override {
        // Beast takes one close at a time; a second has nothing to add.
        if (close_code_ != 0 || std::exchange(closing_, true)) co_return;
        // A control frame holds 125 bytes, two of them the code.
        const auto text = reason.substr(0, 123);
        ws::close_reason why(code);
        why.reason.assign(text.data(), text.size());
        error_code error;
        co_await stream_.async_close(why, asio::redirect_error(asio::use_awaitable, error));
        if (close_code_ == 0) close_code_ = code;
    }

    void cancel() override { stream_.next_layer().transport().close(); }
    std::uint16_t close_code() const override { return close_code_; }
    std::string_view close_reason() const override { return reason_; }
    asio::any_io_executor executor() const override {
        return const_cast<Stream&>(stream_).get_executor();
    }
    Stream& stream() { return stream_; }

  private:
    void note(const error_code& error) {
        if (close_code_ != 0) return;
        if (error == ws::error::closed) {
            close_code_ = stream_.reason().code == ws::close_code::none
                              ? std::uint16_t{1005}
                              : static_cast<std::uint16_t>(stream_.reason().code);
            reason_.assign(stream_.reason().reason.data(), stream_.reason().reason.size());
        } else if (error == ws::error::message_too_big || error == ws::error::buffer_overflow) {
            close_code_ = ws::close_code::too_big;
        } else if (error == ws::error::bad_frame_payload) {
            close_code_ = ws::close_code::bad_payload;
        } else if (error == ws::condition::protocol_violation) {
            close_code_ = ws::close_code::protocol_error;
        } else {
            close_code_ = ws::close_code::abnormal;
        }
    }

    Stream stream_;
    std::size_t max_bytes_;
    bool closing_ = false;
    std::uint16_t close_code_ = 0;
    std::string reason_;
};

ErrorCode code_of(beast::http::status status) {
    switch (static_cast<unsigned>(status)) {
        case 401:
            return ErrorCode::unauthenticated;
        case 403:
            return ErrorCode::permission_denied;
        case 404:
            return ErrorCode::not_found;
        case 429:
            return ErrorCode::quota_exceeded;
        default:
            return ErrorCode::unavailable;
    }
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<WebSocket>>> accept_websocket_over(
    std::unique_ptr<Transport> transport, std::string key, std::string early, std::string protocol,
    WebSocketLimits limits) {
    auto socket = std::make_unique<BeastWebSocket>(std::move(transport), limits);
    auto& stream = socket->stream();
    stream.set_option(ws::stream_base::decorator([protocol](ws::response_type& response) {
        response.set(beast::http::field::server, "headrace");
        if (!protocol.empty()) response.set("Sec-WebSocket-Protocol", protocol);
    }));
    // Our parser has judged the real head; Beast gets one that says the same in its own buffer's
    // size, with the bytes that came behind it.
    std::string handshake =
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
        key + "\r\n\r\n" + early;
    error_code error;
    co_await stream.async_accept(asio::buffer(handshake),
                                 asio::redirect_error(asio::use_awaitable, error));
    if (error) {
        co_return fail(ErrorCode::cancelled, "the WebSocket handshake failed: " + error.message());
    }
    co_return std::unique_ptr<WebSocket>(std::move(socket));
}

asio::awaitable<Result<std::unique_ptr<WebSocket>>> request_websocket_over(
    std::unique_ptr<Transport> transport, Url url, Headers headers, WebSocketLimits limits,
    SteadyTime deadline) {
    auto socket = std::make_unique<BeastWebSocket>(std::move(transport), limits);
    auto& stream = socket->stream();
    stream.set_option(ws::stream_base::decorator([&headers](ws::request_type& request) {
        request.set(beast::http::field::user_agent, "headrace");
        for (const auto& field : headers.fields()) request.set(field.name, field.value);
    }));
    Deadline limit(stream.get_executor());
    limit.arm(deadline, [&stream] { stream.next_layer().transport().close(); });
    ws::response_type response;
    error_code error;
    const std::string host = url.authority();
    co_await stream.async_handshake(response, host, url.target,
                                    asio::redirect_error(asio::use_awaitable, error));
    limit.disarm();
    if (limit.expired()) {
        co_return fail(ErrorCode::deadline_exceeded, "the WebSocket handshake took too long");
    }
    if (error == ws::error::upgrade_declined) {
        co_return fail(code_of(response.result()), "the server refused the WebSocket with status " +
                                                       std::to_string(response.result_int()));
    }
    if (error) {
        co_return fail(ErrorCode::unavailable,
                       "the WebSocket handshake failed: " + error.message());
    }
    co_return std::unique_ptr<WebSocket>(std::move(socket));
}

}  // namespace headrace::http
