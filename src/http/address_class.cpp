#include "http/address_class.hpp"

#include <array>

namespace headrace::http {
namespace {

namespace ip = boost::asio::ip;

struct Block4 {
    std::uint32_t base;
    unsigned bits;
    AddressClass is;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (a << 24) | (b << 16) | (c << 8) | d;
}

/// IANA's IPv4 special-purpose registry; the first block that holds an address decides.
constexpr Block4 kBlocks4[] = {
    {v4(169, 254, 169, 254), 32, AddressClass::metadata},  // most clouds
    {v4(169, 254, 170, 2), 32, AddressClass::metadata},    // container credentials
    {v4(100, 100, 100, 200), 32,
     AddressClass::metadata},                            // one more cloud, inside the shared space
    {v4(168, 63, 129, 16), 32, AddressClass::metadata},  // a host agent at a global-looking address
    {v4(0, 0, 0, 0), 32, AddressClass::unspecified},
    {v4(0, 0, 0, 0), 8, AddressClass::reserved},  // "this network": loopback on some systems
    {v4(10, 0, 0, 0), 8, AddressClass::private_use},
    {v4(100, 64, 0, 0), 10, AddressClass::shared},
    {v4(127, 0, 0, 0), 8, AddressClass::loopback},
    {v4(169, 254, 0, 0), 16, AddressClass::link_local},
    {v4(172, 16, 0, 0), 12, AddressClass::private_use},
    {v4(192, 0, 0, 0), 24, AddressClass::reserved},
    {v4(192, 0, 2, 0), 24, AddressClass::reserved},
    {v4(192, 31, 196, 0), 24, AddressClass::reserved},
    {v4(192, 52, 193, 0), 24, AddressClass::reserved},
    {v4(192, 88, 99, 0), 24, AddressClass::translated},  // 6to4 relay anycast
    {v4(192, 168, 0, 0), 16, AddressClass::private_use},
    {v4(192, 175, 48, 0), 24, AddressClass::reserved},
    {v4(198, 18, 0, 0), 15, AddressClass::reserved},
    {v4(198, 51, 100, 0), 24, AddressClass::reserved},
    {v4(203, 0, 113, 0), 24, AddressClass::reserved},
    {v4(224, 0, 0, 0), 4, AddressClass::multicast},
    {v4(255, 255, 255, 255), 32, AddressClass::broadcast},
    {v4(240, 0, 0, 0), 4, AddressClass::reserved},
};

AddressClass classify4(std::uint32_t address) {
    for (const auto& block : kBlocks4) {
        const auto mask = static_cast<std::uint32_t>(~0ULL << (32 - block.bits));
        if ((address & mask) == block.base) return block.is;
    }
    return AddressClass::global;
}

using Bytes = ip::address_v6::bytes_type;

std::uint32_t embedded4(const Bytes& bytes, std::size_t at) {
    return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool starts_with(const Bytes& bytes, std::initializer_list<unsigned> prefix) {
    std::size_t i = 0;
    for (const auto byte : prefix) {
        if (bytes[i++] != byte) return false;
    }
    return true;
}

bool zero_until(const Bytes& bytes, std::size_t end) {
    for (std::size_t i = 0; i < end; ++i) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

/// An address that only wraps an IPv4 one is as good as that one.
AddressClass through(std::uint32_t inner) {
    const auto is = classify4(inner);
    return is == AddressClass::global ? AddressClass::global : AddressClass::translated;
}

AddressClass classify6(const Bytes& b) {
    if (zero_until(b, 15)) {
        if (b[15] == 0) return AddressClass::unspecified;
        if (b[15] == 1) return AddressClass::loopback;
    }
    if (zero_until(b, 10) && b[10] == 0xff && b[11] == 0xff) return classify4(embedded4(b, 12));
    if (zero_until(b, 12)) return AddressClass::translated;  // v4-compatible, given up long ago
    // ::ffff:0:0/96 of SIIT, RFC 2765.
    if (zero_until(b, 8) && b[8] == 0xff && b[9] == 0xff && b[10] == 0 && b[11] == 0) {
        return AddressClass::translated;
    }
    if (starts_with(b, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
        return through(embedded4(b, 12));  // NAT64, RFC 6052
    }
    if (starts_with(b, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01})) return AddressClass::translated;
    if (starts_with(b, {0xff})) return AddressClass::multicast;
    if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) return AddressClass::link_local;
    if (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0) return AddressClass::private_use;  // site-local
    // fd00:ec2::254 and fd20:ce::254: metadata services inside ULA.
    if (starts_with(b, {0xfd, 0x00, 0x0e, 0xc2}) || starts_with(b, {0xfd, 0x20, 0x00, 0xce})) {
        return AddressClass::metadata;
    }
    if ((b[0] & 0xfe) == 0xfc) return AddressClass::private_use;
    if (starts_with(b, {0x20, 0x02})) return AddressClass::translated;              // 6to4
    if (starts_with(b, {0x20, 0x01, 0x00, 0x00})) return AddressClass::translated;  // Teredo
    if (starts_with(b, {0x20, 0x01}) && b[2] < 0x02) return AddressClass::reserved;
    if (starts_with(b, {0x20, 0x01, 0x0d, 0xb8})) return AddressClass::reserved;
    if (starts_with(b, {0x26, 0x20, 0x00, 0x4f, 0x80, 0x00})) return AddressClass::reserved;
    if (starts_with(b, {0x3f, 0xff}) && b[2] < 0x10) return AddressClass::reserved;
    // Only 2000::/3 is given out as global unicast.
    return (b[0] & 0xe0) == 0x20 ? AddressClass::global : AddressClass::reserved;
}

}  // namespace

std::string_view to_string(AddressClass address_class) {
    switch (address_class) {
        case AddressClass::global:
            return "global";
        case AddressClass::unspecified:
            return "unspecified";
        case AddressClass::loopback:
            return "loopback";
        case AddressClass::private_use:
            return "private";
        case AddressClass::link_local:
            return "link-local";
        case AddressClass::metadata:
            return "metadata";
        case AddressClass::shared:
            return "shared";
        case AddressClass::multicast:
            return "multicast";
        case AddressClass::broadcast:
            return "broadcast";
        case AddressClass::reserved:
            return "reserved";
        case AddressClass::translated:
            return "translated";
    }
    return "reserved";
}

AddressClass classify(const ip::address& address) {
    if (address.is_v4()) return classify4(address.to_v4().to_uint());
    return classify6(address.to_v6().to_bytes());
}

}  // namespace headrace::http
