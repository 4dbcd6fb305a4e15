#pragma once

#include <cstdint>
#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "base/result.hpp"

namespace headrace {

/// A block of addresses: "10.0.0.0/8", "fd00::/8", or one address. IPv4 blocks also match the same
/// address written as v4-mapped IPv6.
class Cidr {
  public:
    static Result<Cidr> parse(std::string_view text);
    [[nodiscard]] bool contains(const boost::asio::ip::address& address) const;

  private:
    boost::asio::ip::address base_;
    std::uint8_t bits_ = 0;
};

}  // namespace headrace
