#include "http/server.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <future>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/tests/door_fixture.hpp"

namespace headrace::http::testing {
namespace {

asio::awaitable<void> answer_param(Exchange& exchange) {
    Response response;
    response.content_type = "text/plain";
    response.body = std::string(exchange.param("id")) + "|" + std::string(exchange.head().path) +
                    "|" + exchange.query("q").value_or("-");
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> answer_peer(Exchange& exchange) {
    const auto& head = exchange.head();
    Response response;
    response.body =
        std::string(head.peer) + (head.tls ? " tls" : "") + (head.peer_is_local ? " local" : "");
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> answer_nothing(Exchange&) {
    co_return;
}

asio::awaitable<void> throw_something(Exchange&) {
    throw std::runtime_error("broken invariant");
    co_return;
}

asio::awaitable<void> answer_twice(Exchange& exchange) {
    Response one(200, "", "one");
    co_await exchange.respond(std::move(one));
    Response two(200, "", "two");
    const auto second = co_await exchange.respond(std::move(two));
    EXPECT_FALSE(second);
}

std::promise<void> entered;  // a waiting handler has begun

std::function<void()> tell_to_answer;

asio::awaitable<void> answer_when_told(Exchange& exchange) {
    asio::steady_timer timer(exchange.executor(), asio::steady_timer::time_point::max());
    tell_to_answer = [&timer] { timer.cancel(); };
    entered.set_value();
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_await answer_hello(exchange);
}

asio::awaitable<void> wait_forever(Exchange& exchange) {
    asio::steady_timer timer(exchange.executor(), asio::steady_timer::time_point::max());
    entered.set_value();
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> answer_who(Exchange& exchange) {
    Response response(200, "", exchange.context_as<std::string>());
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> answer_injection(Exchange& exchange) {
    Response response;
    response.headers.add("X-Note", "a\r\nSet-Cookie: b");
    co_await exchange.respond(std::move(response));
}

TEST_F(DoorTest, KeepAliveServesSeveralRequestsOnOneConnection) {
    get("/hello", answer_hello);
    post("/echo", answer_echo);
    open();
    auto client = connect();
    for (int i = 0; i < 3; ++i) {
        const auto hello = client.send(get_request("/hello")).read_response();
        EXPECT_EQ(hello.status, 200);
        EXPECT_EQ(hello.body, "hello");
        EXPECT_FALSE(hello.has("Connection: close"));
        EXPECT_TRUE(hello.has("Date: "));
        EXPECT_EQ(client.send(post_request("/echo", "abc")).read_response().body, "abc");
    }
    EXPECT_EQ(door_->connections(), 1U);
}

TEST_F(DoorTest, PipelinedRequestsAreAnsweredInOrder) {
    post("/echo", answer_echo);
    open();
    auto client = connect();
    std::string all;
    for (int i = 0; i < 50; ++i) all += post_request("/echo", "body " + std::to_string(i));
    all +=
        "POST /echo HTTP/1.1\r\nHost: x.localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\n\r\n" +
        post_request("/echo", "last");
    client.send(all);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(client.read_response().body, "body " + std::to_string(i));
    }
    EXPECT_EQ(client.read_response().body, "abc");
    EXPECT_EQ(client.read_response().body, "last");
}

TEST_F(DoorTest, RequestsArriveByteByByte) {
    post("/echo", answer_echo);
    open();
    auto client = connect();
    for (const char c :
         "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
         "\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\nTrailer: v\r\n\r\n" +
             post_request("/echo", "next")) {
        client.send({&c, 1});
    }
    EXPECT_EQ(client.read_response().body, "hi!");
    EXPECT_EQ(client.read_response().body, "next");
}

TEST_F(DoorTest, LargeBodiesPassWhole) {
    post("/echo", answer_echo);
    open();
    std::string body(3'000'000, 'x');
    for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i % 26);
    auto client = connect();
    std::thread sender([&] { client.send(post_request("/echo", body)); });
    const auto answer = client.read_response();
    sender.join();
    EXPECT_TRUE(answer.body == body);
}

TEST_F(DoorTest, RoutesMatchStaticBeforeParameterAndDecodeOnce) {
    get("/jobs/{id}", answer_param);
    get("/jobs/special", answer_hello);
    get("/jobs/{id}/events", answer_param);
    open();
    EXPECT_EQ(ask(get_request("/jobs/special")).body, "hello");
    EXPECT_EQ(ask(get_request("/jobs/a@1.2.0?q=x+y%21")).body, "a@1.2.0|/jobs/a@1.2.0|x y!");
    EXPECT_EQ(ask(get_request("/jobs/a%2Fb%2541/events")).body, "a/b%41|/jobs/a/b%41/events|-");
    EXPECT_EQ(ask("GET http://localhost/jobs/special HTTP/1.1\r\nHost: ignored\r\n\r\n").body,
              "hello");
    for (const auto* target :
         {"/jobs", "/jobs/", "/jobs//events", "/jobs/a/b", "/", "/jobs/special/"}) {
        EXPECT_EQ(ask(get_request(target)).status, 404) << target;
    }
    EXPECT_EQ(ask(get_request("/jobs/%zz")).status, 400);
    EXPECT_EQ(ask(get_request("/jobs/%00")).status, 400);
    EXPECT_EQ(ask(get_request("/jobs/x?q=%f")).status, 400);
}

TEST_F(DoorTest, MethodsThatDoNotFitAreNamed) {
    get("/thing", answer_hello);
    post("/thing", answer_echo);
    open();
    const auto wrong = ask("DELETE /thing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(wrong.status, 405);
    EXPECT_TRUE(wrong.has("Allow: GET, HEAD, POST, OPTIONS"));
    EXPECT_EQ(wrong.body, R"({"code":"invalid_argument"})");
    const auto options = ask("OPTIONS /thing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(options.status, 204);
    EXPECT_TRUE(options.has("Allow: GET, HEAD, POST, OPTIONS"));
    EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 204);
    EXPECT_EQ(ask("BREW /thing HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 501);
    EXPECT_EQ(ask("CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 501);

    auto client = connect();
    client.send("HEAD /thing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto head = client.read_response(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.has("Content-Length: 5"));
    EXPECT_EQ(client.send(get_request("/thing")).read_response().body, "hello");
}

TEST_F(DoorTest, Http10ClosesUnlessAsked) {
    get("/hello", answer_hello);
    open();
    auto closing = connect();
    closing.send("GET /hello HTTP/1.0\r\n\r\n");
    EXPECT_EQ(closing.read_response().body, "hello");
    EXPECT_TRUE(closing.ends());
    auto kept = connect();
    kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(kept.read_response().has("Connection: keep-alive"));
    EXPECT_EQ(kept.send("GET /hello HTTP/1.0\r\n\r\n").read_response().body, "hello");
}

TEST_F(DoorTest, HandlersThatFailMakeA500AndKeepTheConnection) {
    get("/nothing", answer_nothing);
    get("/throws", throw_something);
    get("/twice", answer_twice);
    get("/injection", answer_injection);
    open();
    auto client = connect();
    EXPECT_EQ(client.send(get_request("/nothing")).read_response().status, 500);
    const auto thrown = client.send(get_request("/throws")).read_response();
    EXPECT_EQ(thrown.status, 500);
    EXPECT_EQ(thrown.body, R"({"code":"internal"})");
    EXPECT_EQ(client.send(get_request("/twice")).read_response().body, "one");
    const auto injected = client.send(get_request("/injection")).read_response();
    EXPECT_FALSE(injected.has("\r\nSet-Cookie"));
}

TEST_F(DoorTest, GateEndsOrPassesARequestAndSeesTheRoute) {
    mount_.gate = [](Exchange& exchange, const Route& route) -> std::optional<Response> {
        EXPECT_EQ(static_cast<int>(route.right), 1);
        if (exchange.header("authorization") != "yes") return Response{401, "", "who?", {}};
        exchange.context = std::make_shared<const std::string>("ann");
        return std::nullopt;
    };
    post("/who", answer_who);
    open();
    EXPECT_EQ(ask(post_request("/who", "", "Authorization: yes\r\n")).body, "ann");
    auto client = connect();
    client.send(post_request("/who", "small"));
    EXPECT_EQ(client.read_response().status, 401);
    // The refused body is skipped, so the connection goes on.
    EXPECT_EQ(client.send(post_request("/who", "", "Authorization: yes\r\n")).read_response().body,
              "ann");
}

TEST_F(DoorTest, ObserverHearsOfEveryExchange) {
    std::promise<std::string> heard;
    observer_ = [&](const Exchange& exchange, std::chrono::nanoseconds took) {
        EXPECT_GE(took.count(), 0);
        heard.set_value(std::to_string(exchange.status()) + " " +
                        (exchange.matched() ? exchange.matched()->pattern : "none"));
    };
    get("/hello", answer_hello);
    open();
    ask(get_request("/hello"));
    EXPECT_EQ(heard.get_future().get(), "200 /hello");
}

TEST_F(DoorTest, LoopbackDoorRefusesForeignNames) {
    get("/hello", answer_hello);
    settings_.allowed_hosts = {"box.example"};
    open();
    const auto with_host = [&](const std::string& host) {
        return ask("GET /hello HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status;
    };
    EXPECT_EQ(with_host("localhost:8600"), 200);
    EXPECT_EQ(with_host("127.0.0.1"), 200);
    EXPECT_EQ(with_host("[::1]:80"), 200);
    EXPECT_EQ(with_host("BOX.example"), 200);
    EXPECT_EQ(with_host("rebound.example"), 421);
    EXPECT_EQ(with_host("localhost.evil.example"), 421);
}

TEST_F(DoorTest, ForwardedHeadersCountFromTrustedProxiesOnly) {
    get("/peer", answer_peer);
    open();
    const auto request = get_request(
        "/peer", "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n");
    EXPECT_EQ(ask(request).body, "127.0.0.1 local");
    loop_thread_.await(door_->drain(milliseconds(100)));
    settings_.trusted_proxies = {*Cidr::parse("127.0.0.0/8"), *Cidr::parse("10.0.0.0/8")};
    open();
    EXPECT_EQ(ask(request).body, "203.0.113.9 tls");
    EXPECT_EQ(ask(get_request("/peer", "X-Forwarded-For: not an address\r\n")).body, "127.0.0.1");
}

TEST_F(DoorTest, CorsIsOffUntilOriginsAreGiven) {
    get("/hello", answer_hello);
    open();
    EXPECT_FALSE(ask(get_request("/hello", "Origin: https://a.example\r\n")).has("Access-Control"));
    loop_thread_.await(door_->drain(milliseconds(100)));
    settings_.cors_origins = {"https://a.example"};
    open();
    EXPECT_TRUE(ask(get_request("/hello", "Origin: https://a.example\r\n"))
                    .has("Access-Control-Allow-Origin: https://a.example\r\n"));
    EXPECT_FALSE(ask(get_request("/hello", "Origin: https://b.example\r\n")).has("Access-Control"));
    const auto preflight =
        ask("OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n"
            "Access-Control-Request-Method: GET\r\n"
            "Access-Control-Request-Headers: authorization\r\n\r\n");
    EXPECT_EQ(preflight.status, 204);
    EXPECT_TRUE(preflight.has("Access-Control-Allow-Headers: authorization"));
}

TEST_F(DoorTest, UnixSocketServesAndReplacesAStaleOne) {
    const auto path = ::testing::TempDir() + "headrace-door-" + std::to_string(::getpid());
    get("/peer", answer_peer);
    settings_.listen = "unix:" + path;
    open();
    RawClient client(path);
    EXPECT_EQ(client.send(get_request("/peer")).read_response().body, " local");
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    const auto second = Door::make(settings_, {mount_});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
    loop_thread_.await(door_->drain(milliseconds(0)));
    EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST_F(DoorTest, DrainLetsRunningExchangesFinish) {
    entered = {};
    get("/slow", answer_when_told);
    get("/hello", answer_hello);
    open();
    auto idle = connect();
    EXPECT_EQ(idle.send(get_request("/hello")).read_response().status, 200);
    auto busy = connect();
    busy.send(get_request("/slow"));
    entered.get_future().wait();
    auto& loop = loop_thread_.loop();
    auto drained = asio::co_spawn(loop.io(), door_->drain(milliseconds(60'000)), asio::use_future);
    EXPECT_TRUE(idle.ends());  // so it has begun
    loop.post([] { tell_to_answer(); });
    EXPECT_TRUE(drained.get());
    const auto answer = busy.read_response();
    EXPECT_EQ(answer.body, "hello");
    EXPECT_TRUE(answer.has("Connection: close"));
    EXPECT_EQ(door_->connections(), 0U);
}

TEST_F(DoorTest, DrainCutsWhatDoesNotEnd) {
    entered = {};
    get("/forever", wait_forever);
    open();
    auto client = connect();
    client.send(get_request("/forever"));
    entered.get_future().wait();
    EXPECT_FALSE(loop_thread_.await(door_->drain(milliseconds(50))));
    EXPECT_TRUE(client.ends());
    EXPECT_EQ(door_->connections(), 0U);
}

TEST_F(DoorTest, SeveralLoopsShareThePort) {
    get("/hello", answer_hello);
    LoopThread second;
    auto door = Door::make(settings_, {mount_});
    ASSERT_TRUE(door);
    Loop* const loops[] = {&loop_thread_.loop(), &second.loop()};
    ASSERT_TRUE((*door)->start(loops));
    for (int i = 0; i < 20; ++i) {
        RawClient client((*door)->bound_port());
        EXPECT_EQ(client.send(get_request("/hello")).read_response().body, "hello");
    }
    // Nobody else may listen there, though SO_REUSEPORT would let it.
    settings_.listen = "127.0.0.1:" + std::to_string((*door)->bound_port());
    EXPECT_FALSE(Door::make(settings_, {mount_}));
    loop_thread_.await((*door)->drain(milliseconds(100)));
}

TEST_F(DoorTest, TooManyConnectionsGetA503) {
    get("/hello", answer_hello);
    settings_.limits.connections = 1;
    open();
    auto first = connect();
    EXPECT_EQ(first.send(get_request("/hello")).read_response().status, 200);
    auto second = connect();
    EXPECT_EQ(second.read_response().status, 503);
    EXPECT_TRUE(second.ends());
    EXPECT_EQ(first.send(get_request("/hello")).read_response().status, 200);
}

TEST(DoorSettingsTest, ErrorsNameTheSetting) {
    DoorSettings settings;
    settings.listen = "0.0.0.0:0";
    auto door = Door::make(settings, {});
    ASSERT_FALSE(door);
    EXPECT_NE(door.error().message.find("client.insecure"), std::string::npos);
    settings.insecure = true;
    EXPECT_TRUE(Door::make(settings, {}));
    for (const auto* listen :
         {"nonsense", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:1x", "unix:", "example.com:80"}) {
        settings.listen = listen;
        door = Door::make(settings, {});
        ASSERT_FALSE(door) << listen;
        EXPECT_EQ(door.error().code, ErrorCode::invalid_argument) << listen;
        EXPECT_NE(door.error().message.find("client.listen"), std::string::npos);
    }
    settings.listen = "[::1]:0";
    EXPECT_TRUE(Door::make(settings, {}));
    settings.tls_certificate = "/nowhere.pem";
    door = Door::make(settings, {});
    ASSERT_FALSE(door);
    EXPECT_NE(door.error().message.find("client.tls_key"), std::string::npos);
}

TEST(DoorSettingsTest, OverlapsNameBothSides) {
    DoorSettings settings;
    settings.listen = "127.0.0.1:0";
    Mount one;
    one.name = "one";
    one.prefix = "/v1";
    Mount two = one;
    two.name = "two";
    auto door = Door::make(settings, {one, two});
    ASSERT_FALSE(door);
    EXPECT_NE(door.error().message.find("one and two"), std::string::npos);
    two.host = "other.example";
    EXPECT_TRUE(Door::make(settings, {one, two}));
    one.routes.emplace_back(Method::get, "/a/{x}", RouteClass::client, RightId{0}, answer_hello);
    one.routes.emplace_back(Method::get, "/a/{y}", RouteClass::client, RightId{0}, answer_hello);
    door = Door::make(settings, {one});
    ASSERT_FALSE(door);
    EXPECT_NE(door.error().message.find("/a/{x}"), std::string::npos);
    EXPECT_NE(door.error().message.find("/a/{y}"), std::string::npos);
}

}  // namespace
}  // namespace headrace::http::testing
