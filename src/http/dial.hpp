#pragma once
// Internal: from an address to a connected stream.

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/drop.hpp"
#include "http/tls.hpp"
#include "http/transport.hpp"
#include "http/url.hpp"

namespace headrace::http {

/// All addresses of a host; an IP literal is its own. Ends at `deadline` though the system's
/// resolver may go on in its thread. Errors: unavailable, deadline_exceeded, cancelled once `drop`
/// (or null) has ended it.
asio::awaitable<Result<std::vector<asio::ip::address>>> resolve(std::string host,
                                                                SteadyTime deadline, Drop* drop);

/// Resolves (or takes `connect_to`, an IP address), connects, and does the TLS handshake where the
/// URL wants it; `tls` is used then. Errors: unavailable, deadline_exceeded, cancelled once `drop`
/// (or null) has ended it. A certificate that is not accepted is unavailable with one violation:
/// `server_name` "tls:name" when it is for another name, else `ca` "tls:certificate" with OpenSSL's
/// reason.
asio::awaitable<Result<std::unique_ptr<Transport>>> dial(Url url, std::string connect_to,
                                                         TlsClientSettings settings, TlsContext tls,
                                                         SteadyTime deadline, Drop* drop);

}  // namespace headrace::http
