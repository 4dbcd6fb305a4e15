#include "http/tests/door_fixture.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>

namespace headrace::http::testing {
namespace {

void set_patience(int fd) {
    const timeval patience{60, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

}  // namespace

RawClient::RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    set_patience(fd_.get());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

RawClient::RawClient(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    set_patience(fd_.get());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

RawClient& RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return *this;
}

void RawClient::half_close() {
    ::shutdown(fd_.get(), SHUT_WR);
}

std::string RawClient::read_some() {
    std::array<char, 65536> bytes;
    const auto got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    return got <= 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(got));
}

std::string RawClient::read_exactly(std::size_t count) {
    while (in_.size() < count) {
        const auto more = read_some();
        if (more.empty()) break;
        in_ += more;
    }
    auto taken = in_.substr(0, count);
    in_.erase(0, taken.size());
    return taken;
}

std::string RawClient::read_to_end() {
    for (auto more = read_some(); !more.empty(); more = read_some()) in_ += more;
    return std::exchange(in_, {});
}

std::string RawClient::read_until(std::string_view mark) {
    auto at = in_.find(mark);
    while (at == std::string::npos) {
        const auto more = read_some();
        if (more.empty()) return std::exchange(in_, {});
        in_ += more;
        at = in_.find(mark);
    }
    auto taken = in_.substr(0, at + mark.size());
    in_.erase(0, taken.size());
    return taken;
}

RawResponse RawClient::read_response(bool head_only) {
    RawResponse response;
    response.head = read_until("\r\n\r\n");
    if (response.head.size() < 12) return response;
    response.status = std::atoi(response.head.c_str() + 9);
    if (head_only || response.status == 204 || response.status == 304) return response;
    if (response.has("Transfer-Encoding: chunked")) {
        for (;;) {
            const auto size = std::strtoul(read_until("\r\n").c_str(), nullptr, 16);
            response.body += read_exactly(size);
            read_exactly(2);
            if (size == 0) return response;
        }
    }
    const auto length = response.head.find("Content-Length: ");
    if (length == std::string::npos)
        response.body = read_to_end();
    else
        response.body =
            read_exactly(std::strtoul(response.head.c_str() + length + 16, nullptr, 10));
    return response;
}

bool RawClient::ends() {
    std::array<char, 4096> bytes;
    ssize_t got = 0;
    do got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    while (got > 0);
    return got == 0 || errno == ECONNRESET;
}

DoorTest::~DoorTest() {
    if (door_) loop_thread_.await(door_->drain(milliseconds(200)));
}

void DoorTest::route(Method method, std::string pattern, Handler handler, std::size_t body_limit) {
    mount_.routes.emplace_back(method, std::move(pattern), RouteClass::client, RightId{1},
                               std::move(handler), body_limit);
}

void DoorTest::get(std::string pattern, Handler handler, std::size_t body_limit) {
    route(Method::get, std::move(pattern), std::move(handler), body_limit);
}

void DoorTest::post(std::string pattern, Handler handler, std::size_t body_limit) {
    route(Method::post, std::move(pattern), std::move(handler), body_limit);
}

void DoorTest::open() {
    auto door = Door::make(settings_, {mount_}, observer_);
    ASSERT_TRUE(door) << door.error().message;
    door_ = std::move(*door);
    Loop* const loops[] = {&loop_thread_.loop()};
    ASSERT_TRUE(door_->start(loops));
}

RawResponse DoorTest::ask(std::string_view request) {
    auto client = connect();
    client.send(request);
    return client.read_response();
}

std::string get_request(std::string_view target, std::string_view more) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) +
           "\r\n";
}

std::string post_request(std::string_view target, std::string_view body, std::string_view more) {
    return "POST " + std::string(target) +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(more) + "\r\n" + std::string(body);
}

asio::awaitable<void> answer_hello(Exchange& exchange) {
    Response response(200, "text/plain", "hello");
    co_await exchange.respond(std::move(response));
}

asio::awaitable<void> answer_echo(Exchange& exchange) {
    auto body = co_await exchange.read_body();
    if (!body) {
        const int status = body.error().code == ErrorCode::too_large           ? 413
                           : body.error().code == ErrorCode::deadline_exceeded ? 408
                                                                               : 400;
        co_await exchange.respond_error(body.error(), status);
        co_return;
    }
    Response response{200, "application/octet-stream", std::move(*body), {}};
    co_await exchange.respond(std::move(response));
}

}  // namespace headrace::http::testing
