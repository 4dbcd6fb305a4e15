#include "http/listener.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include <boost/asio/ip/tcp.hpp>

namespace headrace::http {
namespace {

std::string shown(const ListenAddress& address) {
    if (address.is_unix()) return "unix:" + address.unix_path;
    const auto ip = address.ip.to_string();
    return (address.ip.is_v6() ? "[" + ip + "]" : ip) + ":" + std::to_string(address.port);
}

tl::unexpected<Error> cannot(const ListenAddress& address) {
    return fail(ErrorCode::unavailable,
                "cannot listen on " + shown(address) + ": " + std::strerror(errno));
}

Result<UniqueFd> bind_tcp(const ListenAddress& address, bool share_port) {
    UniqueFd fd(::socket(address.ip.is_v6() ? AF_INET6 : AF_INET,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd) return cannot(address);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const boost::asio::ip::tcp::endpoint endpoint(address.ip, address.port);
    if (::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
        ::listen(fd.get(), SOMAXCONN) != 0) {
        return cannot(address);
    }
    return fd;
}

bool somebody_serves(const sockaddr_un& address) {
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
               0 ||
           errno == EAGAIN;
}

Result<Listener> listen_unix(const ListenAddress& address) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address.unix_path.copy(name.sun_path, sizeof name.sun_path - 1);
    struct stat status {};
    if (::lstat(name.sun_path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode) || somebody_serves(name)) {
            errno = EADDRINUSE;
            return cannot(address);
        }
        ::unlink(name.sun_path);
    }
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // Nobody can connect between bind and chmod: the socket does not listen yet.
    if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 ||
        ::chmod(name.sun_path, 0600) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
        return cannot(address);
    }
    return Listener{std::move(fd), 0};
}

}  // namespace

Result<ListenAddress> parse_listen(const std::string& text, const std::string& setting) {
    const auto broken = [&](const char* why) {
        return fail(ErrorCode::invalid_argument, setting + ": \"" + text + "\" " + why);
    };
    ListenAddress address;
    if (text.starts_with("unix:")) {
        address.unix_path = text.substr(5);
        if (address.unix_path.empty() || address.unix_path.size() > 107) {
            return broken("needs a path of 1 to 107 bytes");
        }
        return address;
    }
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return broken("has no port");
    auto host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    } else if (host == "localhost") {
        host = "127.0.0.1";
    }
    boost::system::error_code error;
    address.ip = boost::asio::ip::make_address(host, error);
    if (error) return broken("is no IP address with a port");
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, address.port);
    if (parsed.ec != std::errc{} || parsed.ptr != end || colon + 1 == text.size()) {
        return broken("has no port from 0 to 65535");
    }
    return address;
}

Result<Listener> listen_on(const ListenAddress& address, bool exclusive) {
    if (address.is_unix()) return listen_unix(address);
    if (exclusive && address.port != 0) {
        auto probe = bind_tcp(address, false);
        if (!probe) return fail(std::move(probe).error());
    }
    auto fd = bind_tcp(address, true);
    if (!fd) return fail(std::move(fd).error());
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    ::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&bound), &length);
    const auto port = bound.ss_family == AF_INET6
                          ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                          : reinterpret_cast<const sockaddr_in&>(bound).sin_port;
    return Listener{std::move(*fd), ntohs(port)};
}

}  // namespace headrace::http
