#include "http/address_class.hpp"

#include <gtest/gtest.h>

#include "base/cidr.hpp"

namespace headrace::http {
namespace {

namespace ip = boost::asio::ip;

AddressClass class_of(const std::string& text) {
    return classify(ip::make_address(text));
}

TEST(AddressClassTest, KnowsEveryKind) {
    const struct {
        const char* address;
        AddressClass is;
    } cases[] = {
        {"8.8.8.8", AddressClass::global},
        {"1.1.1.1", AddressClass::global},
        {"9.255.255.255", AddressClass::global},
        {"11.0.0.0", AddressClass::global},
        {"100.63.255.255", AddressClass::global},
        {"100.128.0.0", AddressClass::global},
        {"126.255.255.255", AddressClass::global},
        {"128.0.0.1", AddressClass::global},
        {"169.253.255.255", AddressClass::global},
        {"169.255.0.0", AddressClass::global},
        {"172.15.255.255", AddressClass::global},
        {"172.32.0.0", AddressClass::global},
        {"192.167.255.255", AddressClass::global},
        {"192.169.0.0", AddressClass::global},
        {"223.255.255.255", AddressClass::global},
        {"0.0.0.0", AddressClass::unspecified},
        {"0.1.2.3", AddressClass::reserved},
        {"10.0.0.0", AddressClass::private_use},
        {"10.255.255.255", AddressClass::private_use},
        {"172.16.0.0", AddressClass::private_use},
        {"172.31.255.255", AddressClass::private_use},
        {"192.168.0.1", AddressClass::private_use},
        {"127.0.0.1", AddressClass::loopback},
        {"127.255.255.254", AddressClass::loopback},
        {"169.254.0.1", AddressClass::link_local},
        {"169.254.169.254", AddressClass::metadata},
        {"169.254.170.2", AddressClass::metadata},
        {"100.100.100.200", AddressClass::metadata},
        {"168.63.129.16", AddressClass::metadata},
        {"100.64.0.0", AddressClass::shared},
        {"100.127.255.255", AddressClass::shared},
        {"192.0.0.8", AddressClass::reserved},
        {"192.0.2.1", AddressClass::reserved},
        {"192.88.99.1", AddressClass::translated},
        {"198.18.0.1", AddressClass::reserved},
        {"198.19.255.255", AddressClass::reserved},
        {"198.51.100.1", AddressClass::reserved},
        {"203.0.113.1", AddressClass::reserved},
        {"224.0.0.1", AddressClass::multicast},
        {"239.255.255.255", AddressClass::multicast},
        {"240.0.0.1", AddressClass::reserved},
        {"255.255.255.254", AddressClass::reserved},
        {"255.255.255.255", AddressClass::broadcast},
        {"2606:4700::1111", AddressClass::global},
        {"2a00:1450::1", AddressClass::global},
        {"2001:4860:4860::8888", AddressClass::global},
        {"::", AddressClass::unspecified},
        {"::1", AddressClass::loopback},
        {"::2", AddressClass::translated},
        {"::8.8.8.8", AddressClass::translated},
        {"::ffff:8.8.8.8", AddressClass::global},
        {"::ffff:127.0.0.1", AddressClass::loopback},
        {"::ffff:10.0.0.1", AddressClass::private_use},
        {"::ffff:169.254.169.254", AddressClass::metadata},
        {"::ffff:0:7f00:1", AddressClass::translated},
        {"64:ff9b::8.8.8.8", AddressClass::global},
        {"64:ff9b::127.0.0.1", AddressClass::translated},
        {"64:ff9b::10.0.0.1", AddressClass::translated},
        {"64:ff9b:1::8.8.8.8", AddressClass::translated},
        {"100::1", AddressClass::reserved},
        {"2001::1", AddressClass::translated},
        {"2001:0:53aa:64c::1", AddressClass::translated},
        {"2001:2::1", AddressClass::reserved},
        {"2001:10::1", AddressClass::reserved},
        {"2001:db8::1", AddressClass::reserved},
        {"2002:808:808::1", AddressClass::translated},
        {"2002:7f00:1::", AddressClass::translated},
        {"3fff:fff::1", AddressClass::reserved},
        {"4000::1", AddressClass::reserved},
        {"5f00::1", AddressClass::reserved},
        {"fc00::1", AddressClass::private_use},
        {"fd12:3456::1", AddressClass::private_use},
        {"fd00:ec2::254", AddressClass::metadata},
        {"fe80::1", AddressClass::link_local},
        {"fe80::1%2", AddressClass::link_local},
        {"febf::1", AddressClass::link_local},
        {"fec0::1", AddressClass::private_use},
        {"ff02::1", AddressClass::multicast},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(to_string(class_of(c.address)), to_string(c.is)) << c.address;
    }
}

/// Mapping an IPv4 address into IPv6 never makes it more reachable.
TEST(AddressClassTest, WrappingNeverOpens) {
    std::uint32_t bits = 1;
    for (int i = 0; i < 200'000; ++i) {
        bits = bits * 1664525U + 1013904223U;
        const ip::address_v4 inner(bits);
        const bool open = classify(inner) == AddressClass::global;
        const auto mapped = ip::make_address_v6(ip::v4_mapped, inner);
        EXPECT_EQ(classify(mapped), classify(inner)) << inner;
        auto bytes = mapped.to_bytes();
        bytes[10] = bytes[11] = 0;
        EXPECT_NE(classify(ip::address_v6(bytes)), AddressClass::global) << inner;
        bytes[1] = 0x64;
        bytes[2] = 0xff;
        bytes[3] = 0x9b;
        EXPECT_EQ(classify(ip::address_v6(bytes)) == AddressClass::global, open) << inner;
    }
}

TEST(CidrTest, ParsesAndContains) {
    const auto contains = [](const char* block, const char* address) {
        return Cidr::parse(block)->contains(ip::make_address(address));
    };
    EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
    EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
    EXPECT_TRUE(contains("192.168.1.1", "192.168.1.1"));
    EXPECT_FALSE(contains("192.168.1.1", "192.168.1.2"));
    EXPECT_TRUE(contains("0.0.0.0/0", "8.8.8.8"));
    EXPECT_FALSE(contains("0.0.0.0/0", "2000::1"));
    EXPECT_TRUE(contains("172.16.0.0/12", "172.31.255.255"));
    EXPECT_FALSE(contains("172.16.0.0/12", "172.32.0.0"));
    EXPECT_TRUE(contains("fd00::/8", "fdff::1"));
    EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    for (const auto* broken : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129", "a/8",
                               "10.0.0.0/8/8", "fe80::1%1/64", "::ffff:10.0.0.0/8"}) {
        EXPECT_FALSE(Cidr::parse(broken)) << broken;
    }
}

}  // namespace
}  // namespace headrace::http
