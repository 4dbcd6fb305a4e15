// Client::cancel() while nothing is connected yet.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/unique_fd.hpp"
#include "http/client.hpp"
#include "http/tests/door_fixture.hpp"

namespace headrace::http::testing {
namespace {

using std::chrono::milliseconds;

class ClientCancel : public DoorTest {};

/// Listens with a full backlog: a connect waits for an answer to its SYN.
class FullListener {
  public:
    FullListener() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), size);
        ::listen(listener_.get(), 0);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
        for (int i = 0; i < 8; ++i) {
            UniqueFd filler(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
            ::connect(filler.get(), reinterpret_cast<const sockaddr*>(&address_), size);
            fillers_.push_back(std::move(filler));
        }
    }
    [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }

  private:
    UniqueFd listener_;
    sockaddr_in address_{};
    std::vector<UniqueFd> fillers_;
};

/// Opens, cancels after a while, and tells how long open() then took to end.
asio::awaitable<Result<std::chrono::steady_clock::duration>> cancel_while_connecting(Loop& loop,
                                                                                     Url to) {
    ClientSettings settings;
    settings.connect_time = std::chrono::minutes(10);
    Client client(loop.io().get_executor(), settings);
    std::chrono::steady_clock::time_point cancelled;
    asio::steady_timer timer(loop.io(), milliseconds(100));
    timer.async_wait([&](boost::system::error_code) {
        cancelled = std::chrono::steady_clock::now();
        client.cancel();
    });
    ClientRequest request;
    request.url = std::move(to);
    auto stream = co_await client.open(std::move(request));
    const auto took = std::chrono::steady_clock::now() - cancelled;
    if (stream || stream.error().code != ErrorCode::cancelled) {
        co_return fail(ErrorCode::internal, stream ? "opened" : stream.error().message);
    }
    co_return took;
}

TEST_F(ClientCancel, CancelEndsAConnectUnderWay) {
    const FullListener full;
    const auto to = Url::parse("http://127.0.0.1:" + std::to_string(full.port()) + "/");
    const auto took = loop_thread_.await(cancel_while_connecting(loop_thread_.loop(), *to));
    ASSERT_TRUE(took) << took.error().message;
    // At once: the connect would go on for minutes.
    EXPECT_LT(*took, std::chrono::seconds(20));
    RecordProperty(
        "cancel_us",
        static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(*took).count()));
}

TEST_F(ClientCancel, CancelEndsAHandshakeUnderWay) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    const auto to =
        Url::parse("https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/");
    const auto took = loop_thread_.await(cancel_while_connecting(loop_thread_.loop(), *to));
    ASSERT_TRUE(took) << took.error().message;
    EXPECT_LT(*took, std::chrono::seconds(20));
}

}  // namespace
}  // namespace headrace::http::testing
