#include "base/cidr.hpp"

#include <charconv>
#include <string>

namespace headrace {

namespace ip = boost::asio::ip;

namespace {

/// v4-mapped IPv6 as the IPv4 address it is.
ip::address plain(const ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return ip::make_address_v4(ip::v4_mapped, address.to_v6());
    }
    return address;
}

template <class Bytes>
bool same_prefix(const Bytes& a, const Bytes& b, std::size_t bits) {
    for (std::size_t i = 0; bits > 0; ++i) {
        const auto take = bits < 8 ? bits : std::size_t{8};
        const auto mask = static_cast<unsigned>(0xff00 >> take) & 0xffU;
        if ((a[i] & mask) != (b[i] & mask)) return false;
        bits -= take;
    }
    return true;
}

}  // namespace

Result<Cidr> Cidr::parse(std::string_view text) {
    const auto broken = [&] {
        return fail(ErrorCode::invalid_argument,
                    "\"" + std::string(text) + "\" is no address block such as 10.0.0.0/8");
    };
    const auto slash = text.find('/');
    boost::system::error_code error;
    Cidr cidr;
    cidr.base_ = ip::make_address(std::string(text.substr(0, slash)), error);
    if (error || (cidr.base_.is_v6() && cidr.base_.to_v6().scope_id() != 0)) return broken();
    const bool mapped = cidr.base_.is_v6() && cidr.base_.to_v6().is_v4_mapped();
    const unsigned width = cidr.base_.is_v4() ? 32 : 128;
    unsigned bits = width;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto [end, problem] =
            std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (problem != std::errc{} || end != digits.data() + digits.size() || bits > width) {
            return broken();
        }
    }
    if (mapped) {
        if (bits < 96) return broken();
        bits -= 96;
        cidr.base_ = plain(cidr.base_);
    }
    cidr.bits_ = static_cast<std::uint8_t>(bits);
    return cidr;
}

bool Cidr::contains(const ip::address& address) const {
    const auto other = plain(address);
    if (other.is_v4() != base_.is_v4()) return false;
    if (base_.is_v4()) {
        return same_prefix(base_.to_v4().to_bytes(), other.to_v4().to_bytes(), bits_);
    }
    return same_prefix(base_.to_v6().to_bytes(), other.to_v6().to_bytes(), bits_);
}

}  // namespace headrace
