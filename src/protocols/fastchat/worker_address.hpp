#pragma once

#include <span>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>

#include "base/cidr.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/url.hpp"

namespace headrace::protocols::fastchat {

namespace asio = boost::asio;

/// A worker's name is its address: whoever may register can make us connect, so it is held against
/// the networks that workers may be in.
///
/// invalid_argument: no http or https address, user info, a query.
Result<http::Url> parse_worker_name(std::string_view name);

/// Whether an address may be a worker's, or call as one.
bool is_allowed(const asio::ip::address& address, std::span<const Cidr> networks);
/// Of a peer as a request head has it; what came by a Unix socket is local.
bool is_allowed(std::string_view peer, std::span<const Cidr> networks);

/// Where the name leads: every address of it must be allowed, and the first is what we connect to.
/// permission_denied, unavailable, deadline_exceeded.
asio::awaitable<Result<asio::ip::address>> locate(std::string host, std::span<const Cidr> networks,
                                                  SteadyTime deadline);

/// The base url to dial: by http the checked address itself, so that the name cannot lead
/// elsewhere later. By https the name stays: the certificate answers for it.
std::string dialled_url(const http::Url& url, const asio::ip::address& address);

/// A name that upstreams takes, the same for the same worker.
std::string upstream_name_of(std::string_view worker_name);

}  // namespace headrace::protocols::fastchat
