#include "http/client.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task_group.hpp"
#include "http/tests/door_fixture.hpp"
#include "http/tests/test_certificate.hpp"
#include "http/websocket.hpp"

namespace headrace::http::testing {
namespace {

using Answer = Result<ClientResponse>;

asio::awaitable<Answer> send_one(Loop& loop, ClientSettings settings, ClientRequest request,
                                 std::size_t max_bytes) {
    Client client(loop.io().get_executor(), std::move(settings));
    auto answer = co_await client.send(std::move(request), max_bytes);
    co_return answer;
}

/// Sends the same request several times over one client.
asio::awaitable<std::size_t> send_many(Loop& loop, Url url, int times) {
    Client client(loop.io().get_executor(), ClientSettings{});
    std::size_t good = 0;
    for (int i = 0; i < times; ++i) {
        ClientRequest request;
        request.url = url;
        auto answer = co_await client.send(std::move(request));
        if (answer && answer->status == 200) ++good;
    }
    co_return good;
}

asio::awaitable<Result<std::string>> read_stream(Loop& loop, Url url) {
    Client client(loop.io().get_executor(), ClientSettings{});
    ClientRequest request;
    request.url = std::move(url);
    auto stream = co_await client.open(std::move(request));
    if (!stream) co_return fail(std::move(stream).error());
    std::string all;
    for (;;) {
        auto piece = co_await stream->read_some();
        if (!piece) co_return fail(std::move(piece).error());
        if (!*piece) break;
        all += **piece;
    }
    co_return all;
}

std::function<void()> when_asked;  // what a silent handler does first, once

/// Never answers; the route of it is for requests that are dropped or run out.
asio::awaitable<void> stay_silent(Exchange& exchange) {
    asio::steady_timer timer(exchange.executor(), std::chrono::minutes(10));
    exchange.on_hangup([&timer] { timer.cancel(); });
    if (when_asked) std::exchange(when_asked, nullptr)();
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    Response late(200, "text/plain");
    co_await exchange.respond(std::move(late));
}

struct Dropped {
    ErrorCode code = ErrorCode::internal;
    bool reached = false;
    milliseconds took{0};
};

/// A request that is ended from outside once it was asked, or by its own time if `head_time` says.
asio::awaitable<Dropped> drop_one(Loop& loop, Url url, milliseconds head_time) {
    Client client(loop.io().get_executor(), ClientSettings{});
    if (head_time.count() == 0) {
        when_asked = [&] { loop.post([&client] { client.cancel(); }); };
    }
    const std::string body = "lent";
    ClientRequest request;
    request.method = "POST";
    request.url = std::move(url);
    request.lent_body = body;
    request.head_time = head_time;
    const auto begun = std::chrono::steady_clock::now();
    auto stream = co_await client.open(std::move(request));
    Dropped out;
    out.took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
    if (!stream) out.code = stream.error().code;
    out.reached = client.reached();
    co_return out;
}

TEST(Client, FieldLinesLeaveOutWhatCannotBeAField) {
    Headers headers;
    headers.add("Accept", "*/*");
    headers.add("X-Bad", "a\r\nInjected: b");
    headers.add("X Bad", "a");
    headers.add("X-Nul", std::string("a\0b", 3));
    headers.add("X-Good", "a: b");
    EXPECT_EQ(field_lines(headers), "Accept: */*\r\nX-Good: a: b\r\n");
}

/// Two requests over kept connections of siblings, with a body that stays the caller's.
asio::awaitable<std::string> lend_to_siblings(Loop& loop, Url url) {
    Client first(loop.io().get_executor(), ClientSettings{});
    Client second = first.sibling();
    std::string all;
    for (Client* client : {&first, &second, &first}) {
        const std::string body = "lent";
        ClientRequest request;
        request.method = "POST";
        request.url = url;
        request.lent_body = body;
        request.over_kept = true;
        auto answer = co_await client->send(std::move(request));
        all += answer ? answer->body + (client->has_kept() ? "+" : "-") : answer.error().message;
    }
    co_return all;
}

/// One request that opens a connection, and two more of those that differ little over it.
asio::awaitable<std::string> open_again(Loop& loop, Url url) {
    Client client(loop.io().get_executor(), ClientSettings{});
    ClientRequest request;
    request.url = url;
    request.method = "POST";
    request.body = "first";
    auto first = co_await client.send(std::move(request));
    std::string all = first ? first->body : first.error().message;
    Headers headers;
    headers.add("Host", url.authority());
    const std::string lines = field_lines(headers);
    const std::array<std::string, 2> bodies{"second", "third"};
    for (const auto& body : bodies) {
        if (!client.keeps()) co_return all + " not kept";
        NextRequest next;
        next.method = "POST";
        next.path = "/ec";
        next.operation = "ho";
        next.lines = lines;
        next.content_type = "text/plain";
        next.body = body;
        auto stream = co_await client.open_again(next);
        if (!stream) co_return all + stream.error().message;
        all += ' ' + std::to_string(stream->status()) + ' ';
        for (;;) {
            auto piece = stream->read_now();
            if (!piece) piece = co_await stream->read_some();
            if (!*piece) co_return all + piece->error().message;
            if (!**piece) break;
            all += ***piece;
        }
        client.give_back(std::move(*stream));
    }
    co_return all;
}

asio::awaitable<void> stream_three(Exchange& exchange) {
    Response head(200, "text/plain");
    auto writer = co_await exchange.start_stream(std::move(head));
    for (int i = 0; i < 3; ++i) co_await writer->write("piece ");
    co_await writer->finish();
}

asio::awaitable<void> stream_broken(Exchange& exchange) {
    Response head(200, "text/plain");
    auto writer = co_await exchange.start_stream(std::move(head));
    co_await writer->write("piece");
}

asio::awaitable<void> echo_once(Exchange& exchange) {
    auto socket = co_await exchange.accept_websocket(WebSocketLimits{});
    if (!socket) co_return;
    auto message = co_await (*socket)->read();
    if (!message) co_return;
    const auto written = co_await (*socket)->write(message->data, message->binary);
    auto end = co_await (*socket)->read();
    (void)written;
    (void)end;
}

asio::awaitable<std::string> talk_over_tls(Url url, TlsClientSettings tls) {
    auto socket = co_await connect_websocket(std::move(url), Headers(), std::move(tls),
                                             milliseconds(60'000), WebSocketLimits());
    if (!socket) co_return socket.error().message;
    const auto written = co_await (*socket)->write("over tls", true);
    auto message = co_await (*socket)->read();
    co_await (*socket)->close(1000, "");
    co_return written&& message ? message->data : "closed";
}

class ClientTest : public DoorTest {
  protected:
    ClientTest() {
        get("/hello", answer_hello);
        post("/echo", answer_echo);
        get("/stream", stream_three);
        get("/broken", stream_broken);
        get("/socket", echo_once);
        post("/silent", stay_silent);
    }
    Url url(std::string_view target, const std::string& scheme = "http") {
        return *Url::parse(scheme + "://127.0.0.1:" + std::to_string(door_->bound_port()) +
                           std::string(target));
    }
    Answer ask_url(Url to, ClientSettings settings = {}, std::size_t max_bytes = 1000) {
        ClientRequest request;
        request.url = std::move(to);
        return loop_thread_.await(
            send_one(loop_thread_.loop(), std::move(settings), std::move(request), max_bytes));
    }
    void use_tls(const TestCertificate& files) {
        settings_.tls_certificate = files.certificate_file;
        settings_.tls_key = files.key_file;
    }
};

TEST_F(ClientTest, SendsBodiesAndKeepsTheConnection) {
    open();
    EXPECT_EQ(ask_url(url("/hello"))->body, "hello");
    EXPECT_EQ(ask_url(url("/nothing"))->status, 404);
    ClientRequest request;
    request.method = "POST";
    request.url = url("/echo");
    request.body = "abc";
    const auto echoed = loop_thread_.await(
        send_one(loop_thread_.loop(), ClientSettings{}, std::move(request), 1000));
    EXPECT_EQ(echoed->body, "abc");
    EXPECT_EQ(echoed->headers.find("content-length"), "3");
    EXPECT_EQ(loop_thread_.await(send_many(loop_thread_.loop(), url("/hello"), 20)), 20U);
}

TEST_F(ClientTest, SendsFilesFromAnOffset) {
    open();
    const auto path = ::testing::TempDir() + "headrace-upload-" + std::to_string(::getpid());
    {
        const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
        ASSERT_EQ(::write(file.get(), "0123456789", 10), 10);
    }
    ClientRequest request;
    request.method = "POST";
    request.url = url("/echo");
    request.file = FileBody{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), 2, 5};
    const auto echoed = loop_thread_.await(
        send_one(loop_thread_.loop(), ClientSettings{}, std::move(request), 1000));
    EXPECT_EQ(echoed->body, "23456");
    ::unlink(path.c_str());
}

TEST_F(ClientTest, ReadsStreamsAndTellsACutOne) {
    open();
    EXPECT_EQ(loop_thread_.await(read_stream(loop_thread_.loop(), url("/stream"))),
              "piece piece piece ");
    const auto broken = loop_thread_.await(read_stream(loop_thread_.loop(), url("/broken")));
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
    const auto large = ask_url(url("/stream"), ClientSettings{}, 10);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, ErrorCode::too_large);
}

TEST_F(ClientTest, EndsARequestFromOutside) {
    open();
    const auto dropped =
        loop_thread_.await(drop_one(loop_thread_.loop(), url("/silent"), milliseconds(0)));
    EXPECT_EQ(dropped.code, ErrorCode::cancelled);
    EXPECT_TRUE(dropped.reached);
    // At once: no answer would come for minutes.
    EXPECT_LT(dropped.took, std::chrono::seconds(20));
}

TEST_F(ClientTest, BoundsTheTimeToTheHead) {
    open();
    const auto late =
        loop_thread_.await(drop_one(loop_thread_.loop(), url("/silent"), milliseconds(80)));
    EXPECT_EQ(late.code, ErrorCode::deadline_exceeded);
    EXPECT_GE(late.took, milliseconds(75));
    EXPECT_LT(late.took, std::chrono::seconds(20));
}

TEST_F(ClientTest, BorrowsBodiesAndKeepsConnectionsOfSiblings) {
    open();
    EXPECT_EQ(loop_thread_.await(lend_to_siblings(loop_thread_.loop(), url("/echo"))),
              "lent+lent+lent+");
}

TEST_F(ClientTest, OpensAgainOverWhatItKeeps) {
    open();
    EXPECT_EQ(loop_thread_.await(open_again(loop_thread_.loop(), url("/echo"))),
              "first 200 second 200 third");
}

asio::awaitable<void> ask_and_keep(Client& client, Url url, int& status) {
    ClientRequest request;
    request.url = std::move(url);
    auto answer = co_await client.send(std::move(request));
    if (answer) status = answer->status;
}

TEST_F(ClientTest, KeepsNoLoopAliveOnceItHasItsAnswer) {
    open();
    asio::io_context io;
    Client client(io.get_executor(), ClientSettings{});
    int status = 0;
    TaskGroup tasks(io.get_executor());
    tasks.spawn("ask", ask_and_keep(client, url("/hello"), status));
    const auto begun = std::chrono::steady_clock::now();
    io.run();
    EXPECT_EQ(status, 200);
    // A timer for the silence of a server would go on for 90 s.
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
}

TEST_F(ClientTest, NamesWhyThereIsNoConnection) {
    open();
    auto nobody = url("/hello");
    nobody.port = 1;
    EXPECT_EQ(ask_url(nobody).error().code, ErrorCode::unavailable);
    EXPECT_EQ(ask_url(*Url::parse("unix:/nowhere/at.all")).error().code, ErrorCode::unavailable);
    // A listener that never answers: the kernel connects, and then nothing comes.
    const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(silent.get(), reinterpret_cast<sockaddr*>(&address), length);
    ::listen(silent.get(), 4);
    ::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &length);
    auto mute = url("/hello");
    mute.port = ntohs(address.sin_port);
    ClientSettings hasty;
    hasty.silence_time = milliseconds(50);
    EXPECT_EQ(ask_url(mute, hasty).error().code, ErrorCode::deadline_exceeded);
}

TEST_F(ClientTest, UnixSocket) {
    const auto path = ::testing::TempDir() + "headrace-client-" + std::to_string(::getpid());
    settings_.listen = "unix:" + path;
    open();
    EXPECT_EQ(ask_url(*Url::parse("unix:" + path + ":/hello"))->body, "hello");
    EXPECT_EQ(loop_thread_.await(talk_over_tls(*Url::parse("unix:" + path + ":/socket"), {})),
              "over tls");
}

TEST_F(ClientTest, TlsVerifiesChainAndName) {
    const auto files = make_test_certificate("tls", 7);
    use_tls(files);
    open();
    ClientSettings trusting;
    trusting.tls.ca_file = files.certificate_file;
    const auto answer = ask_url(url("/hello", "https"), trusting);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "hello");
    EXPECT_EQ(ask_url(url("/hello", "https")).error().code, ErrorCode::unavailable);
    ClientSettings other_name = trusting;
    other_name.tls.server_name = "other.example";
    EXPECT_EQ(ask_url(url("/hello", "https"), other_name).error().code, ErrorCode::unavailable);
    ClientSettings careless;
    careless.tls.verify = false;
    EXPECT_EQ(ask_url(url("/hello", "https"), careless)->body, "hello");
    EXPECT_EQ(loop_thread_.await(talk_over_tls(url("/socket", "wss"), trusting.tls)), "over tls");
    // Large bodies pass the record layer, and plain HTTP at a TLS door does no harm.
    ClientRequest request;
    request.method = "POST";
    request.url = url("/echo", "https");
    request.body = std::string(1'000'000, 'x');
    const auto echoed =
        loop_thread_.await(send_one(loop_thread_.loop(), trusting, std::move(request), 2'000'000));
    EXPECT_EQ(echoed->body.size(), 1'000'000U);
    auto plain = connect();
    plain.send(get_request("/hello"));
    EXPECT_TRUE(plain.ends());
    EXPECT_EQ(ask_url(url("/hello", "https"), trusting)->body, "hello");
}

TEST_F(ClientTest, ACertificateThatIsNotAcceptedSaysWhoseFaultItIs) {
    const auto files = make_test_certificate("refused", 8);
    const auto other = make_test_certificate("stranger", 9);
    use_tls(files);
    open();
    const auto pem = [](const std::string& path) {
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    ClientSettings inline_ca;
    inline_ca.tls.ca = pem(files.certificate_file);
    EXPECT_TRUE(ask_url(url("/hello", "https"), inline_ca));
    const auto violation = [&](const ClientSettings& settings) {
        const auto answer = ask_url(url("/hello", "https"), settings);
        EXPECT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
        EXPECT_EQ(answer.error().violations.size(), 1U);
        return answer.error().violations.empty() ? Violation{} : answer.error().violations.front();
    };
    ClientSettings name = inline_ca;
    name.tls.server_name = "other.example";
    EXPECT_EQ(violation(name).path, "server_name");
    EXPECT_EQ(violation(name).limit, "other.example");
    ClientSettings stranger;
    stranger.tls.ca = pem(other.certificate_file);
    EXPECT_EQ(violation(stranger).path, "ca");
    EXPECT_EQ(violation({}).path, "ca") << "the system's store does not hold it";
    EXPECT_TRUE(check_tls(inline_ca.tls));
    TlsClientSettings broken;
    broken.ca = "no certificate";
    EXPECT_EQ(check_tls(broken).error().code, ErrorCode::invalid_argument);
}

TEST_F(ClientTest, TlsReloadTakesNewFilesForNewConnections) {
    const auto first = make_test_certificate("first", 1);
    const auto second = make_test_certificate("second", 2);
    const auto used = make_test_certificate("used", 1);
    const auto copy = [&](const TestCertificate& from) {
        std::filesystem::copy_file(from.certificate_file, used.certificate_file,
                                   std::filesystem::copy_options::overwrite_existing);
        std::filesystem::copy_file(from.key_file, used.key_file,
                                   std::filesystem::copy_options::overwrite_existing);
    };
    copy(first);
    use_tls(used);
    open();
    ClientSettings trusts_second;
    trusts_second.tls.ca_file = second.certificate_file;
    EXPECT_FALSE(ask_url(url("/hello", "https"), trusts_second));
    copy(second);
    ASSERT_TRUE(door_->reload_tls());
    EXPECT_TRUE(ask_url(url("/hello", "https"), trusts_second));
    // A key that is not the certificate's: the old pair stays in use.
    std::filesystem::copy_file(first.key_file, used.key_file,
                               std::filesystem::copy_options::overwrite_existing);
    const auto refused = door_->reload_tls();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("tls_key"), std::string::npos);
    EXPECT_TRUE(ask_url(url("/hello", "https"), trusts_second));
}

}  // namespace
}  // namespace headrace::http::testing
