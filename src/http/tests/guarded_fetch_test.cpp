#include "http/guarded_fetch.hpp"

#include "http/tests/door_fixture.hpp"

namespace headrace::http::testing {
namespace {

struct Fetched {
    std::string text;  // the body, or the error's message
    ErrorCode code = ErrorCode::internal;
    bool good = false;
};

asio::awaitable<Fetched> fetch(FetchSettings settings, FetchRequest request) {
    const GuardedFetch fetcher(std::move(settings));
    Fetched fetched;
    auto content = co_await fetcher.open(std::move(request));
    if (!content) {
        fetched.text = content.error().message;
        fetched.code = content.error().code;
        co_return fetched;
    }
    auto body = co_await content->read_all();
    fetched.good = body.has_value();
    fetched.text = body ? *body : body.error().message;
    if (!body) fetched.code = body.error().code;
    co_return fetched;
}

std::string elsewhere;  // where the redirecting handler points

asio::awaitable<void> redirect(Exchange& exchange) {
    Response response(302);
    response.headers.add("Location", elsewhere);
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> show_headers(Exchange& exchange) {
    Response response(200);
    response.body = std::string(exchange.header("authorization").value_or("none")) + " " +
                    std::string(exchange.head().host);
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> send_much(Exchange& exchange) {
    Response response(200, "", std::string(100'000, 'x'));
    co_await exchange.respond(std::move(response));
}

class FetchTest : public DoorTest {
  protected:
    FetchTest() {
        get("/hello", answer_hello);
        get("/redirect", redirect);
        get("/headers", show_headers);
        get("/much", send_much);
        open();
        loopback_.allowed_networks = {*Cidr::parse("127.0.0.0/8")};
    }
    std::string here(std::string_view target, const std::string& host = "127.0.0.1") {
        return "http://" + host + ":" + std::to_string(door_->bound_port()) + std::string(target);
    }
    Fetched get_url(const FetchSettings& settings, const std::string& url) {
        FetchRequest request;
        request.url = url;
        request.headers = Headers({{"Authorization", "secret"}});
        request.max_bytes = 1000;
        request.total_time = std::chrono::minutes(1);  // a name server may be slow
        return loop_thread_.await(fetch(settings, std::move(request)));
    }
    FetchSettings loopback_;
};

TEST_F(FetchTest, RefusesLoopbackUntilItIsAllowed) {
    const auto refused = get_url({}, here("/hello"));
    EXPECT_FALSE(refused.good);
    EXPECT_EQ(refused.code, ErrorCode::permission_denied);
    EXPECT_NE(refused.text.find("loopback"), std::string::npos);
    EXPECT_EQ(get_url(loopback_, here("/hello")).text, "hello");
    FetchSettings by_name;
    by_name.allowed_hosts = {"localhost"};
    EXPECT_EQ(get_url(by_name, here("/hello", "localhost")).text, "hello");
    EXPECT_EQ(get_url(by_name, here("/hello")).code, ErrorCode::permission_denied);
}

TEST_F(FetchTest, ChecksEveryRedirect) {
    elsewhere = here("/hello");
    EXPECT_EQ(get_url(loopback_, here("/redirect")).text, "hello");
    elsewhere = "/hello";
    EXPECT_EQ(get_url(loopback_, here("/redirect")).text, "hello");
    for (const auto* forbidden : {"http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/",
                                  "http://[::1]:1/", "//192.168.1.1/x", "http://0x0a000001/"}) {
        elsewhere = forbidden;
        EXPECT_EQ(get_url(loopback_, here("/redirect")).code, ErrorCode::permission_denied)
            << forbidden;
    }
    for (const auto* broken : {"ftp://127.0.0.1/", "file:///etc/passwd", "http://u:p@127.0.0.1/",
                               "gopher://127.0.0.1/", "unix:/run/x"}) {
        elsewhere = broken;
        EXPECT_EQ(get_url(loopback_, here("/redirect")).code, ErrorCode::invalid_argument)
            << broken;
    }
    elsewhere = "/redirect";
    const auto endless = get_url(loopback_, here("/redirect"));
    EXPECT_EQ(endless.code, ErrorCode::permission_denied);
    EXPECT_NE(endless.text.find("too many"), std::string::npos);
}

TEST_F(FetchTest, CredentialsStayWithTheirOrigin) {
    FetchSettings both = loopback_;
    both.allowed_hosts = {"localhost"};
    elsewhere = here("/headers");
    EXPECT_EQ(get_url(both, here("/redirect")).text, "secret 127.0.0.1");
    EXPECT_EQ(get_url(both, here("/redirect", "localhost")).text, "none 127.0.0.1");
}

TEST_F(FetchTest, CapsBytes) {
    const auto much = get_url(loopback_, here("/much"));
    EXPECT_FALSE(much.good);
    EXPECT_EQ(much.code, ErrorCode::too_large);
}

TEST_F(FetchTest, RefusesWhatIsNoAddressForIt) {
    for (const auto* url :
         {"", "hello", "/path", "ftp://a.example/", "file:///etc/passwd", "http://",
          "http://user@127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
          "javascript:1", "unix:/run/x", "http://a%2fb/", "http://a%00b/", "ws://127.0.0.1/"}) {
        EXPECT_EQ(get_url(loopback_, url).code, ErrorCode::invalid_argument) << url;
    }
}

/// However a forbidden address is written, it is refused before anything is sent; a resolver that
/// does not take a form at all makes it unavailable, which is as good.
TEST_F(FetchTest, RefusesForbiddenAddressesInEveryForm) {
    for (const auto* host : {"127.0.0.1",
                             "127.1",
                             "127.0.1",
                             "2130706433",
                             "0x7f000001",
                             "0x7f.1",
                             "0177.0.0.1",
                             "0177.1",
                             "017700000001",
                             "127.0.0.1.",
                             "%31%32%37.0.0.1",
                             "[::1]",
                             "[::]",
                             "[0:0:0:0:0:0:0:1]",
                             "[::ffff:127.0.0.1]",
                             "[::ffff:7f00:1]",
                             "[::127.0.0.1]",
                             "[64:ff9b::7f00:1]",
                             "[2002:7f00:1::]",
                             "[fe80::1]",
                             "[fd00::1]",
                             "0",
                             "0.0.0.0",
                             "0x0",
                             "10.1",
                             "0xa.0.0.1",
                             "012.0.0.1",
                             "167772161",
                             "192.168.257",
                             "3232235777",
                             "172.16.1",
                             "169.254.43518",
                             "0xa9fea9fe",
                             "2852039166",
                             "100.64.0.1",
                             "224.0.0.1",
                             "255.255.255.255",
                             "4294967295",
                             "localhost",
                             "LOCALHOST",
                             "localhost.",
                             "ip6-localhost",
                             "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
                             "xn--127-0.example.invalid"}) {
        const auto fetched = get_url({}, here("/hello", host));
        EXPECT_FALSE(fetched.good) << host;
        EXPECT_TRUE(fetched.code == ErrorCode::permission_denied ||
                    fetched.code == ErrorCode::unavailable ||
                    fetched.code == ErrorCode::invalid_argument)
            << host << ": " << fetched.text;
    }
}

}  // namespace
}  // namespace headrace::http::testing
