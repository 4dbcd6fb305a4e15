// WebSocket frames: raw bytes from a client, against the server side as the door makes it, over a
// socket pair and without threads.
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/websocket_stream.hpp"

namespace {

using namespace headrace;
using namespace headrace::http;

asio::awaitable<void> serve(std::unique_ptr<Transport> transport, std::string early, bool& ended) {
    WebSocketLimits limits;
    limits.max_message_bytes = 4096;
    limits.close_wait = std::chrono::milliseconds(20);
    std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
    auto socket = co_await accept_websocket_over(std::move(transport), std::move(key),
                                                 std::move(early), std::string(), limits);
    while (socket) {
        auto message = co_await (*socket)->read();
        if (!message) {
            if ((*socket)->close_code() == 0) std::abort();
            break;
        }
        if (message->data.size() > limits.max_message_bytes) std::abort();
        const auto written = co_await (*socket)->write(message->data, message->binary);
        if (!written) break;
    }
    ended = true;
}

/// Echoes that nobody takes would fill the socket, and then its patience decides.
asio::awaitable<void> drain(asio::local::stream_protocol::socket client) {
    std::array<char, 4096> bytes{};
    boost::system::error_code error;
    while (!error) {
        co_await client.async_read_some(asio::buffer(bytes),
                                        asio::redirect_error(asio::use_awaitable, error));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1 || size > 16 * 1024) return 0;
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return 0;
    asio::io_context io(1);
    asio::local::stream_protocol::socket client(io, asio::local::stream_protocol(), pair[1]);
    Transport::Socket socket(io);
    socket.assign(asio::generic::stream_protocol(AF_UNIX, 0), pair[0]);
    // The first bytes may come with the handshake, the others behind it.
    const auto early = std::min<std::size_t>(data[0], size - 1);
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1 + early, size - 1 - early);
    (void)::send(pair[1], rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(pair[1], SHUT_WR);
    asio::co_spawn(io, drain(std::move(client)), asio::detached);
    bool ended = false;
    asio::co_spawn(io,
                   serve(std::make_unique<Transport>(std::move(socket)),
                         std::string(reinterpret_cast<const char*>(data) + 1, early), ended),
                   [](std::exception_ptr error) {
                       if (error) std::abort();
                   });
    io.run_for(std::chrono::seconds(3));
    if (!ended) std::abort();
    return 0;
}
