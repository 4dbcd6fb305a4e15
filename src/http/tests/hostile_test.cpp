// Requests that mean harm, each at a real door: a clear answer or a clean close, and the door
// serves the next client as before.
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/tests/door_fixture.hpp"

namespace headrace::http::testing {
namespace {

class HostileTest : public DoorTest {
  protected:
    HostileTest() {
        get("/hello", answer_hello);
        post("/echo", answer_echo);
        post("/small", answer_echo, 10);
    }
    /// Sends, half-closes, and expects one answer of that status and the end of the connection.
    void expect_refusal(std::string_view request, int status) {
        auto client = connect();
        client.send(request);
        const auto answer = client.read_response();
        EXPECT_EQ(answer.status, status) << request.substr(0, 200);
        EXPECT_TRUE(answer.has("Connection: close")) << request.substr(0, 200);
        EXPECT_TRUE(client.ends());
    }
    void expect_healthy() { EXPECT_EQ(ask(get_request("/hello")).body, "hello"); }
    /// A connection that has had one answer; anew where we were so slow that it was idle before.
    RawClient served_once() {
        for (int tries = 0;; ++tries) {
            auto client = connect();
            const auto status = client.send(get_request("/hello")).read_response().status;
            if (status == 200 || tries == 100) {
                EXPECT_EQ(status, 200);
                return client;
            }
        }
    }
};

TEST_F(HostileTest, HeadsThatTwoParsersReadDifferently) {
    open();
    const std::string echo = "POST /echo HTTP/1.1\r\nHost: localhost\r\n";
    const struct {
        std::string request;
        int status;
    } cases[] = {
        {echo + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {echo + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
        {echo + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
        {echo + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
        {echo + "Content-Length: 3, 3\r\n\r\nabc", 400},
        {echo + "Content-Length: +3\r\n\r\nabc", 400},
        {echo + "Content-Length: -1\r\n\r\n", 400},
        {echo + "Content-Length: 0x3\r\n\r\nabc", 400},
        {echo + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
        {echo + "Content-Length:\r\n\r\n", 400},
        {echo + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {echo + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        {echo + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
        {echo + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
        {echo + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
        {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\r\n\tc\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\nHost: localhost\n\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\nC: d\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\rC: d\r\n\r\n", 400},
        {std::string("GET /hello HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n", 48), 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length : 3\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\n: nameless\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost/x\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: localhost:port\r\n\r\n", 400},
        {"GET hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET  /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /hel lo HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /hello#x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /h\x80llo HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET ftp://localhost/hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /hello HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
        {"GET /hello HTTP/0.9\r\nHost: localhost\r\n\r\n", 505},
        {"GET /hello HTTPS/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /hello\r\nHost: localhost\r\n\r\n", 400},
        {"G\x01T /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {echo + "Expect: miracles\r\nContent-Length: 1\r\n\r\na", 417},
    };
    for (const auto& c : cases) expect_refusal(c.request, c.status);
    expect_healthy();
}

TEST_F(HostileTest, ChunksThatLieEndTheConnection) {
    open();
    const std::string head =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string chunks : {
             "x\r\nabc\r\n0\r\n\r\n",
             "3\r\nabcd\r\n0\r\n\r\n",
             "3\nabc\r\n0\r\n\r\n",
             "-3\r\nabc\r\n0\r\n\r\n",
             "0x3\r\nabc\r\n0\r\n\r\n",
             "3 ;\x01\r\nabc\r\n0\r\n\r\n",
             "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
             "3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n",
             "3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
         }) {
        expect_refusal(head + chunks, 400);
    }
    // Extensions and trailers are capped.
    expect_refusal(head + "3;a=" + std::string(20'000, 'x') + "\r\nabc\r\n0\r\n\r\n", 400);
    expect_refusal(head + "3\r\nabc\r\n0\r\nT: " + std::string(20'000, 'x') + "\r\n\r\n", 400);
    expect_healthy();
}

TEST_F(HostileTest, HeadsThatAreTooLarge) {
    open();
    expect_refusal(get_request("/hello", "X: " + std::string(70'000, 'x') + "\r\n"), 431);
    expect_refusal("GET /" + std::string(1'000'000, 'x'), 431);
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "A: b\r\n";
    expect_refusal(get_request("/hello", many), 431);
    EXPECT_EQ(ask(get_request("/hello", "X: " + std::string(60'000, 'x') + "\r\n")).status, 200);
    expect_healthy();
}

TEST_F(HostileTest, BodiesThatAreTooLarge) {
    open();
    // Refused by the head alone, without 100 Continue.
    expect_refusal(
        "POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n"
        "Expect: 100-continue\r\n\r\n",
        413);
    expect_refusal(
        "POST /small HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "20\r\n" +
            std::string(32, 'x') + "\r\n0\r\n\r\n",
        413);
    expect_refusal("POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n" +
                       std::string(200'000, 'x'),
                   413);
    // A little too much is skipped and the connection kept.
    auto client = connect();
    EXPECT_EQ(client.send(post_request("/small", "eleven bytes")).read_response().status, 413);
    EXPECT_EQ(client.send(post_request("/small", "ten bytes!")).read_response().body, "ten bytes!");
}

TEST_F(HostileTest, ContinueIsSentWhenTheBodyIsWanted) {
    open();
    auto client = connect();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
        "Expect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(client.send("abc").read_response().body, "abc");
    EXPECT_EQ(client.send(get_request("/hello")).read_response().body, "hello");
}

TEST_F(HostileTest, SlowHeadsAndBodiesRunOut) {
    settings_.limits.head_time = milliseconds(80);
    settings_.limits.body_grace = milliseconds(80);
    open();
    const auto began = std::chrono::steady_clock::now();
    expect_refusal("GET /hello HTTP/1.1\r\nHost: loc", 408);
    expect_refusal("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab", 408);
    expect_refusal(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", 408);
    // By default any of them has ten seconds.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(8));
    expect_healthy();
}

TEST_F(HostileTest, ConnectionsThatAreIdleRunOut) {
    settings_.limits.idle_time = milliseconds(150);
    open();
    auto silent = connect();
    EXPECT_TRUE(silent.ends());
    EXPECT_TRUE(served_once().ends());
}

TEST_F(HostileTest, HangUpAtEveryStage) {
    open();
    const std::string request =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\n\r\n";
    for (std::size_t cut = 0; cut <= request.size(); ++cut) {
        auto client = connect();
        client.send(std::string_view(request).substr(0, cut));
        if (cut % 2 == 0)
            client.half_close();
        else
            client.close();
    }
    expect_healthy();
}

TEST_F(HostileTest, ParkedConnectionsWakeUp) {
    settings_.limits.park_after = milliseconds(20);
    open();
    auto client = connect();
    EXPECT_EQ(client.send(get_request("/hello")).read_response().status, 200);
    // Time is the subject here: long enough to be parked.
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_EQ(client.send(get_request("/hello")).read_response().body, "hello");
    EXPECT_EQ(client.send(get_request("/hello")).read_response().body, "hello");
}

TEST_F(HostileTest, ParkedConnectionsRunOut) {
    settings_.limits.park_after = milliseconds(20);
    settings_.limits.idle_time = milliseconds(400);
    open();
    EXPECT_TRUE(served_once().ends());
}

}  // namespace
}  // namespace headrace::http::testing
