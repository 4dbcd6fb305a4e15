#pragma once

#include <cstdint>
#include <string_view>

#include <boost/asio/ip/address.hpp>

namespace headrace::http {

/// What an IP address is for. Only `global` may be reached for somebody outside.
enum class AddressClass : std::uint8_t {
    global,
    unspecified,
    loopback,
    private_use,  // RFC 1918, ULA, site-local
    link_local,   // holds most metadata services
    metadata,     // well-known addresses of cloud metadata services
    shared,       // carrier-grade NAT, 100.64.0.0/10
    multicast,
    broadcast,
    reserved,    // documentation, benchmarking, protocol assignments, future use
    translated,  // carries an IPv4 address that is not global itself, or one that a relay decides
};

std::string_view to_string(AddressClass address_class);

/// The one classifier. v4-mapped, v4-compatible, NAT64, 6to4 and Teredo addresses are judged by
/// what they lead to; Teredo and 6to4 never are global, for a relay decides where they end.
AddressClass classify(const boost::asio::ip::address& address);

}  // namespace headrace::http
