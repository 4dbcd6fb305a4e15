#include "http/shard.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <ctime>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"
#include "http/connection.hpp"

namespace headrace::http {
namespace {

constexpr int kAcceptBatch = 64;
constexpr milliseconds kAcceptPause{100};

struct Peer {
    std::string text;
    bool local = false;
};

Peer peer_of(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return {text.data(), (ntohl(v4.sin_addr.s_addr) >> 24) == 127};
    }
    if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
        std::string shown = text.data();
        // A dual-stack listener shows IPv4 clients so; they have one name everywhere.
        if (shown.starts_with("::ffff:")) shown.erase(0, 7);
        return {shown, shown == "::1" || shown.starts_with("127.")};
    }
    return {"", true};
}

}  // namespace

Shard::Shard(std::shared_ptr<DoorCore> core, Loop& loop, UniqueFd listener)
    : core_(std::move(core)),
      loop_(loop),
      listener_(loop.io(), listener.release()),
      pause_(loop.io()),
      sweep_timer_(loop.io()),
      tasks_(loop.io().get_executor()) {}

void Shard::start() {
    if (!stopped_) tasks_.spawn("http accept", accept_all(shared_from_this()));
}

void Shard::stop_accepting() {
    stopped_ = true;
    boost::system::error_code ignored;
    listener_.close(ignored);
    pause_.cancel();
}

void Shard::close_idle() {
    for (auto* connection : connections_) connection->close_if_idle();
}

void Shard::begin_drain() {
    for (auto* connection : connections_) connection->drain();
}

void Shard::cut() {
    tasks_.cancel();
    for (auto* connection : connections_) connection->cut();
}

void Shard::adopt(asio::awaitable<void> task) {
    tasks_.spawn("http went on", count(shared_from_this(), std::move(task)));
}

asio::awaitable<void> Shard::count(std::shared_ptr<Shard> self, asio::awaitable<void> task) {
    struct Count {
        std::atomic<std::size_t>& connections;
        explicit Count(std::atomic<std::size_t>& all) : connections(all) { ++connections; }
        ~Count() { --connections; }
    };
    const Count counted(self->core_->connections);
    co_await std::move(task);
}

std::list<Connection*>::iterator Shard::enter(Connection& connection) {
    ++core_->connections;
    return connections_.insert(connections_.end(), &connection);
}

void Shard::leave(std::list<Connection*>::iterator at) {
    connections_.erase(at);
    --core_->connections;
}

std::string_view Shard::date() {
    const auto now = ::time(nullptr);
    if (now != date_second_) {
        date_second_ = now;
        std::tm parts{};
        gmtime_r(&now, &parts);
        std::array<char, 40> text{};
        const auto length =
            std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        date_.assign(text.data(), length);
    }
    return date_;
}

asio::awaitable<void> Shard::accept_all(std::shared_ptr<Shard> self) {
    while (!self->stopped_) {
        boost::system::error_code error;
        co_await self->listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                                            asio::redirect_error(asio::use_awaitable, error));
        if (error || self->stopped_) break;
        if (self->accept_batch()) continue;
        self->pause_.expires_after(kAcceptPause);
        co_await self->pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
}

bool Shard::accept_batch() {
    for (int i = 0; i < kAcceptBatch; ++i) {
        sockaddr_storage address{};
        socklen_t length = sizeof address;
        UniqueFd socket(::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&address),
                                  &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            if (errno == ECONNABORTED || errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
            log::warn("cannot accept door={} error={}", core_->settings.name,
                      boost::system::system_category().message(errno));
            return false;
        }
        if (core_->connections >= core_->settings.limits.connections) {
            constexpr std::string_view kFull =
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                "Connection: close\r\n\r\n";
            // Only a courtesy: a client that cannot take it at once is closed all the same.
            if (!core_->tls()) {
                (void)::send(socket.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            }
            continue;
        }
        const int family = core_->is_unix ? AF_UNIX : address.ss_family;
        if (family != AF_UNIX) {
            const int on = 1;
            ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        auto peer = peer_of(address);
        tasks_.spawn("http connection", serve(shared_from_this(), std::move(socket), family,
                                              std::move(peer.text), peer.local));
        if (!sweeping_) {
            sweeping_ = true;
            tasks_.spawn("http sweep", sweep(shared_from_this()));
        }
    }
    return true;
}

asio::awaitable<void> Shard::serve(std::shared_ptr<Shard> self, UniqueFd socket, int family,
                                   std::string peer, bool peer_is_local) {
    const asio::generic::stream_protocol protocol(family, family == AF_UNIX ? 0 : IPPROTO_TCP);
    Transport::Socket stream(self->loop_.io());
    boost::system::error_code error;
    stream.assign(protocol, socket.get(), error);
    if (error) co_return;
    (void)socket.release();
    const auto connection =
        std::make_shared<Connection>(self, std::move(stream), std::move(peer), peer_is_local);
    co_await connection->serve();
}

/// Looks at every deadline; runs only while there are connections.
asio::awaitable<void> Shard::sweep(std::shared_ptr<Shard> self) {
    const auto& limits = self->core_->settings.limits;
    const auto shortest = std::min({limits.head_time, limits.idle_time, limits.body_grace,
                                    limits.write_time, limits.park_after});
    const auto every = std::clamp(shortest / 8, milliseconds(10), milliseconds(500));
    do {
        self->sweep_timer_.expires_after(every);
        boost::system::error_code error;
        co_await self->sweep_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        if (error) break;
        const auto now = SteadyTime(std::chrono::steady_clock::now());
        for (auto* connection : self->connections_) connection->tick(now);
    } while (!self->connections_.empty());
    self->sweeping_ = false;
}

}  // namespace headrace::http
