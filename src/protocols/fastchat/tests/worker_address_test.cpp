#include "protocols/fastchat/worker_address.hpp"

#include <optional>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "upstreams/upstream.hpp"

namespace headrace::protocols::fastchat {
namespace {

std::vector<Cidr> networks(std::initializer_list<const char*> texts) {
    std::vector<Cidr> out;
    for (const auto* text : texts) out.push_back(*Cidr::parse(text));
    return out;
}

Result<asio::ip::address> locate_now(const std::string& host, std::span<const Cidr> allowed) {
    asio::io_context io;
    std::optional<Result<asio::ip::address>> out;
    asio::co_spawn(
        io, locate(host, allowed, std::chrono::steady_clock::now() + std::chrono::seconds(5)),
        [&](std::exception_ptr, Result<asio::ip::address> found) { out = std::move(found); });
    io.run();
    return std::move(*out);
}

TEST(WorkerAddress, NamesThatAreNone) {
    for (const auto* name :
         {"", "worker", "ftp://h:1", "http://", "http://user@h:1", "http://a:b@h:1", "unix:/tmp/x",
          "http://h:1/?x=1", "http://h:1/#f", "http://h\r\nX: y/", "http://h:99999", "ws://h:1",
          "http://h 1", "http://\u4e2d:1", "javascript:alert(1)", "file:///etc/passwd"}) {
        EXPECT_FALSE(parse_worker_name(name)) << name;
    }
    EXPECT_FALSE(parse_worker_name("http://" + std::string(600, 'h')));
    EXPECT_TRUE(parse_worker_name("http://localhost:21002"));
    EXPECT_TRUE(parse_worker_name("https://gpu.example/worker/"));
}

// The forms of reliability.md §3.5: whatever spelling leads outside of the networks is refused.
TEST(WorkerAddress, OnlyTheNetworksOfWorkers) {
    const auto lan = networks({"10.1.0.0/16", "fd00:1::/32"});
    for (const auto* host : {"127.0.0.1",
                             "2130706433",
                             "0x7f000001",
                             "0177.0.0.1",
                             "127.1",
                             "0",
                             "0.0.0.0",
                             "::1",
                             "::ffff:127.0.0.1",
                             "::ffff:7f00:1",
                             "169.254.169.254",
                             "0xa9fea9fe",
                             "::ffff:169.254.169.254",
                             "64:ff9b::a9fe:a9fe",
                             "10.2.0.1",
                             "10.0.255.255",
                             "192.168.0.1",
                             "172.16.0.1",
                             "100.64.0.1",
                             "224.0.0.1",
                             "255.255.255.255",
                             "8.8.8.8",
                             "fe80::1",
                             "fd00:2::1",
                             "ff02::1",
                             "localhost"}) {
        const auto found = locate_now(host, lan);
        EXPECT_FALSE(found) << host;
    }
    EXPECT_TRUE(locate_now("10.1.2.3", lan));
    EXPECT_TRUE(locate_now("fd00:1::7", lan));
    EXPECT_FALSE(locate_now("10.1.2.3", {}));
    const auto local = networks({"127.0.0.0/8", "::1"});
    EXPECT_TRUE(locate_now("localhost", local));
    EXPECT_FALSE(locate_now("no-such-host.invalid", local));
}

TEST(WorkerAddress, PeersAreHeldAgainstTheSame) {
    const auto local = networks({"127.0.0.0/8"});
    EXPECT_TRUE(is_allowed(std::string_view("127.0.0.1"), local));
    EXPECT_TRUE(is_allowed(std::string_view("::ffff:127.0.0.1"), local));
    EXPECT_TRUE(is_allowed(std::string_view(""), local));
    EXPECT_FALSE(is_allowed(std::string_view("10.0.0.1"), local));
    EXPECT_FALSE(is_allowed(std::string_view("garbage"), local));
}

TEST(WorkerAddress, TheCheckedAddressIsDialled) {
    const auto four = asio::ip::make_address("10.1.2.3");
    const auto six = asio::ip::make_address("fd00:1::7");
    EXPECT_EQ(dialled_url(*parse_worker_name("http://gpu.lan:21002/"), four),
              "http://10.1.2.3:21002");
    EXPECT_EQ(dialled_url(*parse_worker_name("http://gpu.lan/a/b/"), six),
              "http://[fd00:1::7]:80/a/b");
    EXPECT_EQ(dialled_url(*parse_worker_name("https://gpu.lan:8443/a"), four),
              "https://gpu.lan:8443/a");
}

TEST(WorkerAddress, NamesForUpstreams) {
    for (const auto* name :
         {"http://localhost:21002", "http://[::1]:21002", "https://GPU.Example/a/b?",
          "http://a-name-that-is-very-long-indeed.and-has-many.parts.example:21002"}) {
        EXPECT_TRUE(upstreams::is_upstream_name(upstream_name_of(name))) << upstream_name_of(name);
    }
    EXPECT_NE(upstream_name_of("http://h:1/a"), upstream_name_of("http://h:1-a"));
    EXPECT_EQ(upstream_name_of("http://h:1"), upstream_name_of("http://h:1"));
}

}  // namespace
}  // namespace headrace::protocols::fastchat
