// Answers that take their time: streams, files, hang-ups, uploads by pieces.
#include <fcntl.h>

#include <future>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/byte_range.hpp"
#include "http/sse.hpp"
#include "http/tests/door_fixture.hpp"

namespace headrace::http::testing {
namespace {

std::promise<void> hung_up;
std::promise<void> entered;
std::promise<ErrorCode> write_failed;
std::string file_path;

asio::awaitable<void> stream_events(Exchange& exchange) {
    Response head{200, std::string(kSseContentType), "", {}};
    auto writer = co_await exchange.start_stream(std::move(head));
    EXPECT_TRUE(writer);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        std::string event;
        append_sse(event, i, "state", "line one\nline two");
        const auto written = co_await writer->write(event);
        EXPECT_TRUE(written);
    }
    co_await writer->finish();
}

/// The head waits for the first piece, which `?first=` may leave empty; the last one ends it.
asio::awaitable<void> stream_held(Exchange& exchange) {
    Response head{200, "text/plain", "", {}};
    auto writer = co_await exchange.start_stream(std::move(head), true);
    EXPECT_TRUE(writer);
    const std::string first = exchange.query("first").value_or("");
    const std::string last = exchange.query("last").value_or("");
    const auto written = co_await writer->write(first);
    EXPECT_TRUE(written);
    const auto finished = co_await writer->finish(last);
    EXPECT_TRUE(finished);
}

asio::awaitable<void> stream_and_drop(Exchange& exchange) {
    Response head{200, "text/plain", "", {}};
    auto writer = co_await exchange.start_stream(std::move(head));
    co_await writer->write("half");
}

asio::awaitable<void> stream_until_gone(Exchange& exchange) {
    Response head{200, "text/plain", "", {}};
    auto writer = co_await exchange.start_stream(std::move(head));
    const std::string piece(100'000, 'x');
    for (;;) {
        const auto written = co_await writer->write(piece);
        if (written) continue;
        const auto again = co_await writer->write(piece);
        EXPECT_FALSE(again);
        write_failed.set_value(written.error().code);
        co_return;
    }
}

/// Waits until the client has gone or a minute is over.
asio::awaitable<void> wait_for_hangup(Exchange& exchange) {
    asio::steady_timer timer(exchange.executor(), std::chrono::minutes(1));
    bool gone = false;
    exchange.on_hangup([&] {
        gone = true;
        timer.cancel();
        hung_up.set_value();
    });
    entered.set_value();
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    Response response{200, "text/plain", gone ? "gone" : "still there", {}};
    const auto answered = co_await exchange.respond(std::move(response));
    (void)answered;
}

/// Arms the watch and answers at once.
asio::awaitable<void> arm_and_answer(Exchange& exchange) {
    exchange.on_hangup([] { ADD_FAILURE() << "the client is still there"; });
    co_await answer_hello(exchange);
}

asio::awaitable<void> count_upload(Exchange& exchange) {
    std::size_t bytes = 0;
    for (;;) {
        auto piece = co_await exchange.read_some();
        if (!piece) {
            co_await exchange.respond_error(piece.error(), 413);
            co_return;
        }
        if (!*piece) break;
        bytes += (*piece)->size();
    }
    Response response{200, "text/plain", std::to_string(bytes), {}};
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> serve_file(Exchange& exchange) {
    UniqueFd file(::open(file_path.c_str(), O_RDONLY | O_CLOEXEC));
    const std::uint64_t size = 1'000'000;
    const auto range = choose_range(exchange.head().headers, size, "\"tag\"");
    auto head = range_head(range, size, "\"tag\"", "application/octet-stream");
    if (range.status == 416)
        co_await exchange.respond(std::move(head));
    else
        co_await exchange.send_file(std::move(file), range.offset, range.length, std::move(head));
}

TEST_F(DoorTest, EventsStreamInChunks) {
    get("/events", stream_events);
    get("/hello", answer_hello);
    open();
    auto client = connect();
    const auto answer = client.send(get_request("/events")).read_response();
    EXPECT_TRUE(answer.has("Content-Type: text/event-stream"));
    EXPECT_TRUE(
        answer.body.starts_with("id: 1\nevent: state\ndata: line one\ndata: line two\n\nid: 2\n"));
    EXPECT_EQ(client.send(get_request("/hello")).read_response().body, "hello");
    // HTTP/1.0 knows no chunks: the connection's end is the answer's.
    auto old = connect();
    old.send("GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto plain = old.read_response();
    EXPECT_FALSE(plain.has("Transfer-Encoding"));
    EXPECT_TRUE(plain.body.starts_with("id: 1\n"));
    EXPECT_TRUE(old.ends());
    auto head = connect();
    head.send("HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(head.read_response(true).status, 200);
    EXPECT_EQ(head.send(get_request("/hello")).read_response().body, "hello");
}

TEST_F(DoorTest, AHeldHeadGoesWithTheFirstPieceAndTheLastPieceWithTheEnd) {
    get("/held", stream_held);
    open();
    auto client = connect();
    for (const std::string_view words :
         {"first=ab&last=cd", "first=ab&last=", "first=&last=cd", "first=&last="}) {
        const auto answer = client.send(get_request("/held?" + std::string(words))).read_response();
        EXPECT_EQ(answer.status, 200);
        std::string body = std::string(words.substr(6, words[6] == 'a' ? 2 : 0));
        if (words.ends_with("cd")) body += "cd";
        EXPECT_EQ(answer.body, body) << words;
    }
    client.send("HEAD /held?first=ab&last=cd HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_NE(head.find("200"), std::string::npos);
    // Nothing of a body stands before the next answer.
    EXPECT_EQ(client.send(get_request("/held?first=x&last=y")).read_response().body, "xy");
    auto old = connect();
    old.send("GET /held?first=ab&last=cd HTTP/1.0\r\n\r\n");
    EXPECT_EQ(old.read_response().body, "abcd");
}

TEST_F(DoorTest, AStreamThatIsDroppedLooksCut) {
    get("/cut", stream_and_drop);
    open();
    auto client = connect();
    client.send(get_request("/cut"));
    const auto all = client.read_to_end();
    EXPECT_TRUE(all.ends_with("4\r\nhalf\r\n")) << all;
}

TEST_F(DoorTest, WritingToAGoneOrSleepingClientFails) {
    get("/endless", stream_until_gone);
    settings_.limits.write_time = milliseconds(100);
    settings_.limits.body_rate = 10'000'000;
    open();
    write_failed = {};
    {
        auto client = connect();
        client.send(get_request("/endless"));
        client.read_until("\r\n\r\n");
    }
    EXPECT_EQ(write_failed.get_future().get(), ErrorCode::cancelled);
    write_failed = {};
    auto sleeping = connect();
    sleeping.send(get_request("/endless"));
    EXPECT_EQ(write_failed.get_future().get(), ErrorCode::cancelled);
}

TEST_F(DoorTest, HangUpReachesAWaitingHandler) {
    get("/wait", wait_for_hangup);
    open();
    hung_up = {};
    entered = {};
    auto client = connect();
    client.send(get_request("/wait"));
    entered.get_future().wait();
    client.close();
    EXPECT_EQ(hung_up.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST_F(DoorTest, AWatchedConnectionGoesOnWithTheNextRequest) {
    get("/armed", arm_and_answer);
    get("/hello", answer_hello);
    post("/echo", answer_echo);
    open();
    auto client = connect();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(client.send(get_request("/armed")).read_response().body, "hello");
        EXPECT_EQ(client.send(post_request("/echo", "abc")).read_response().body, "abc");
    }
    std::string all;
    for (int i = 0; i < 20; ++i) all += get_request("/armed") + post_request("/echo", "xyz");
    client.send(all);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(client.read_response().body, "hello");
        EXPECT_EQ(client.read_response().body, "xyz");
    }
}

TEST_F(DoorTest, UploadsAreReadByPieces) {
    post("/count", count_upload, 2'000'000);
    open();
    const std::string body(1'500'000, 'x');
    EXPECT_EQ(ask(post_request("/count", body)).body, "1500000");
    std::string chunked =
        "POST /count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 100; ++i) chunked += "3e8\r\n" + std::string(1000, 'y') + "\r\n";
    EXPECT_EQ(ask(chunked + "0\r\n\r\n").body, "100000");
    auto large = connect();
    std::thread sender([&] {
        large.send("POST /count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 30; ++i) large.send("186a0\r\n" + std::string(100'000, 'y') + "\r\n");
    });
    EXPECT_EQ(large.read_response().status, 413);
    sender.join();
}

TEST_F(DoorTest, FilesAndTheirRangesAreSent) {
    file_path = ::testing::TempDir() + "headrace-file-" + std::to_string(::getpid());
    std::string content(1'000'000, ' ');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
    {
        const UniqueFd file(::open(file_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
        ASSERT_EQ(::write(file.get(), content.data(), content.size()),
                  static_cast<ssize_t>(content.size()));
    }
    get("/file", serve_file);
    open();
    auto client = connect();
    EXPECT_TRUE(client.send(get_request("/file")).read_response().body == content);
    const auto part =
        client.send(get_request("/file", "Range: bytes=10-19\r\nIf-Range: \"tag\"\r\n"))
            .read_response();
    EXPECT_EQ(part.status, 206);
    EXPECT_TRUE(part.has("Content-Range: bytes 10-19/1000000"));
    EXPECT_EQ(part.body, content.substr(10, 10));
    const auto outside =
        client.send(get_request("/file", "Range: bytes=1000000-\r\n")).read_response();
    EXPECT_EQ(outside.status, 416);
    EXPECT_TRUE(outside.has("Content-Range: bytes */1000000"));
    ::unlink(file_path.c_str());
}

}  // namespace
}  // namespace headrace::http::testing
