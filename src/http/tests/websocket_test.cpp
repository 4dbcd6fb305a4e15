#include "http/websocket.hpp"

#include <future>

#include "http/tests/door_fixture.hpp"

namespace headrace::http::testing {
namespace {

std::promise<std::uint16_t> server_closed;

asio::awaitable<void> echo_socket(Exchange& exchange) {
    WebSocketLimits limits;
    limits.max_message_bytes = 100'000;
    limits.close_wait = milliseconds(300);
    auto socket = co_await exchange.accept_websocket(limits);
    if (!socket) {
        co_await exchange.respond_error(socket.error(), 400);
        co_return;
    }
    for (;;) {
        auto message = co_await (*socket)->read();
        if (!message) break;
        if (message->data == "bye") {
            co_await (*socket)->close(4000, "as you wish");
            break;
        }
        const auto written = co_await (*socket)->write(message->data, message->binary);
        if (!written) break;
    }
    server_closed.set_value((*socket)->close_code());
}

/// Not a capturing lambda: the parameters live in the coroutine.
asio::awaitable<std::string> talk(Url url, std::string text) {
    TlsClientSettings tls;
    WebSocketLimits limits;
    Headers headers{{"X-Test", "1"}};
    auto socket = co_await connect_websocket(std::move(url), std::move(headers), tls,
                                             milliseconds(60'000), limits);
    if (!socket) co_return "refused: " + socket.error().message;
    const auto written = co_await (*socket)->write(text, false);
    if (!written) co_return "not written";
    auto message = co_await (*socket)->read();
    if (!message)
        co_return "closed " + std::to_string((*socket)->close_code()) + " " +
            std::string((*socket)->close_reason());
    co_await (*socket)->close(1000, "done");
    co_return message->data;
}

/// A masked client frame with the mask 0, so that the payload stands as it is.
std::string frame(int first, std::string_view payload) {
    std::string bytes(1, static_cast<char>(first));
    if (payload.size() < 126) {
        bytes.push_back(static_cast<char>(0x80 | payload.size()));
    } else {
        bytes.push_back(static_cast<char>(0xfe));
        bytes.push_back(static_cast<char>(payload.size() >> 8));
        bytes.push_back(static_cast<char>(payload.size() & 0xff));
    }
    return bytes.append(4, '\0').append(payload);
}

class WebSocketTest : public DoorTest {
  protected:
    WebSocketTest() {
        get("/socket", echo_socket);
        server_closed = {};
        open();
    }
    RawClient handshake(std::string_view more = "") {
        auto client = connect();
        client.send(get_request("/socket",
                                "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") +
                    std::string(more));
        const auto head = client.read_until("\r\n\r\n");
        EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
        EXPECT_NE(head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
        return client;
    }
    /// The close frame the server answers with.
    void expect_close(RawClient& client, unsigned code) {
        const auto bytes = client.read_exactly(4);
        ASSERT_EQ(bytes.size(), 4U);
        EXPECT_EQ(static_cast<unsigned char>(bytes[0]), 0x88);
        EXPECT_EQ(static_cast<unsigned>(static_cast<unsigned char>(bytes[2])) * 256U +
                      static_cast<unsigned char>(bytes[3]),
                  code);
        EXPECT_TRUE(client.ends());
        client.close();
    }
    Url url() {
        return *Url::parse("ws://127.0.0.1:" + std::to_string(door_->bound_port()) + "/socket");
    }
};

TEST_F(WebSocketTest, OurClientAndServerUnderstandEachOther) {
    EXPECT_EQ(loop_thread_.await(talk(url(), "hello")), "hello");
    EXPECT_EQ(server_closed.get_future().get(), 1000);
    server_closed = {};
    EXPECT_EQ(loop_thread_.await(talk(url(), std::string(90'000, 'x'))), std::string(90'000, 'x'));
    server_closed.get_future().wait();
    server_closed = {};
    EXPECT_EQ(loop_thread_.await(talk(url(), "bye")), "closed 4000 as you wish");
    server_closed.get_future().wait();
}

TEST_F(WebSocketTest, ClientNamesWhyItWasRefused) {
    auto elsewhere = url();
    elsewhere.target = "/nothing";
    EXPECT_EQ(loop_thread_.await(talk(elsewhere, "x")),
              "refused: the server refused the WebSocket with status 404");
    elsewhere.port = 1;
    EXPECT_TRUE(loop_thread_.await(talk(elsewhere, "x")).starts_with("refused: cannot connect"));
}

TEST_F(WebSocketTest, FragmentsPingsAndEarlyFrames) {
    // The first frame comes in one piece with the handshake.
    auto client = handshake(frame(0x81, "early"));
    EXPECT_EQ(client.read_exactly(7),
              "\x81\x05"
              "early");
    client.send(frame(0x02, "ab")).send(frame(0x89, "ping")).send(frame(0x80, "cd"));
    EXPECT_EQ(client.read_exactly(6),
              "\x8a\x04"
              "ping");
    EXPECT_EQ(client.read_exactly(6),
              "\x82\x04"
              "abcd");
    client.send(frame(0x88, "\x03\xe8"));
    expect_close(client, 1000);
    EXPECT_EQ(server_closed.get_future().get(), 1000);
}

TEST_F(WebSocketTest, WrongFramesCloseWithTheirCode) {
    const struct {
        std::string frames;
        unsigned code;
    } cases[] = {
        {std::string("\x81\x02hi", 4), 1002},             // not masked
        {frame(0xc1, "x"), 1002},                         // reserved bit
        {frame(0x83, "x"), 1002},                         // unknown opcode
        {frame(0x8b, "x"), 1002},                         // unknown control opcode
        {frame(0x80, "x"), 1002},                         // nothing to continue
        {frame(0x01, "x") + frame(0x81, "y"), 1002},      // a message inside a message
        {frame(0x09, "x"), 1002},                         // fragmented ping
        {frame(0x89, std::string(126, 'x')), 1002},       // long ping
        {frame(0x88, "\x03"), 1002},                      // half a close code
        {frame(0x88, std::string("\x03\xed", 2)), 1002},  // 1005 may not be sent
        {frame(0x81, "\xff\xfe"), 1007},                  // no UTF-8
        {frame(0x81, "\xed\xa0\x80"), 1007},              // a surrogate
        {frame(0x88, "\x03\xe8\xff"), 1002},              // no UTF-8 in the reason
        {std::string("\x82\xff\x00\x00\x00\x00\x00\x0f\x42\x40\0\0\0\0", 14), 1009},
        {std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14), 1009},
    };
    for (const auto& c : cases) {
        server_closed = {};
        auto client = handshake();
        client.send(c.frames);
        SCOPED_TRACE(::testing::PrintToString(c.frames));
        expect_close(client, c.code);
        EXPECT_NE(server_closed.get_future().get(), 0);
    }
}

TEST_F(WebSocketTest, AClientThatVanishesOrNeverClosesIsLetGo) {
    {
        auto client = handshake();
        client.send("\x81");
    }
    EXPECT_EQ(server_closed.get_future().get(), 1006);
    server_closed = {};
    auto stubborn = handshake();
    stubborn.send(frame(0x81, "bye"));
    stubborn.read_exactly(4);
    // It never answers the close frame; the server waits its 300 ms and goes, not the five seconds
    // of the default.
    EXPECT_EQ(server_closed.get_future().wait_for(std::chrono::seconds(4)),
              std::future_status::ready);
}

TEST_F(WebSocketTest, BrokenHandshakesAreAnsweredByTheHandler) {
    const std::string upgrade = "Upgrade: websocket\r\nConnection: upgrade\r\n";
    const std::string version = "Sec-WebSocket-Version: 13\r\n";
    const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    EXPECT_EQ(ask(get_request("/socket")).status, 400);
    EXPECT_EQ(ask(get_request("/socket", upgrade + key)).status, 400);
    EXPECT_EQ(ask(get_request("/socket", upgrade + version)).status, 400);
    EXPECT_EQ(ask(get_request("/socket", version + key + "Upgrade: websocket\r\n")).status, 400);
    EXPECT_EQ(
        ask(get_request("/socket", upgrade + version + "Sec-WebSocket-Key: short\r\n")).status,
        400);
}

}  // namespace
}  // namespace headrace::http::testing
