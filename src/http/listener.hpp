#pragma once
// Internal: listening sockets.

#include <cstdint>
#include <string>

#include <boost/asio/ip/address.hpp>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace::http {

/// A listen address taken apart: an IP address and port, or the path of a Unix socket.
struct ListenAddress {
    std::string unix_path;  // empty: TCP
    boost::asio::ip::address ip;
    std::uint16_t port = 0;
    [[nodiscard]] bool is_unix() const { return !unix_path.empty(); }
};

/// "127.0.0.1:8600", "[::1]:0", "localhost:80", "unix:/path". `setting` stands in the error.
Result<ListenAddress> parse_listen(const std::string& text, const std::string& setting);

struct Listener {
    UniqueFd socket;
    std::uint16_t port = 0;  // the one in use, also where 0 was asked for
};

/// Binds and listens. Error unavailable when the address is in use or not ours. `exclusive` makes
/// sure that no other process listens there, which SO_REUSEPORT alone would allow. A Unix socket
/// that nobody serves any more is replaced; the new one is for its owner only.
Result<Listener> listen_on(const ListenAddress& address, bool exclusive);

}  // namespace headrace::http
