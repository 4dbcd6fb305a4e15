// Everything small that comes from outside: event streams, URLs, addresses, ranges, header values.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/cidr.hpp"
#include "http/address_class.hpp"
#include "http/byte_range.hpp"
#include "http/message.hpp"
#include "http/request_parser.hpp"
#include "http/sse_reader.hpp"
#include "http/url.hpp"

namespace {

using namespace headrace::http;

void check(bool holds) {
    if (!holds) std::abort();
}

void read_events(std::string_view text, std::size_t step) {
    SseReader in_pieces(4096);
    SseReader at_once(4096);
    std::string pieces;
    for (std::size_t i = 0; i < text.size(); i += step) {
        const auto events = in_pieces.feed(text.substr(i, step));
        if (!events) return;
        for (const auto& e : *events) pieces += e.id + "|" + e.event + "|" + e.data + "\n";
    }
    const auto events = at_once.feed(text);
    if (!events) return;
    std::string whole;
    for (const auto& e : *events) whole += e.id + "|" + e.event + "|" + e.data + "\n";
    check(pieces == whole);
}

void read_url(std::string_view text) {
    const auto url = Url::parse(text);
    if (!url) return;
    check(!url->host.empty() && !url->target.empty());
    check(url->target.find_first_of("\r\n ") == std::string::npos || url->scheme == "unix");
    if (url->scheme == "unix") return;
    // What it shows is what it is.
    const auto again = Url::parse(url->text());
    check(again && again->host == url->host && again->port == url->port &&
          again->target == url->target);
    (void)url->resolve(text.substr(text.size() / 2));
}

void read_address(std::string_view text) {
    (void)headrace::Cidr::parse(text);
    if (text.size() < 16) return;
    boost::asio::ip::address_v6::bytes_type bytes;
    std::copy_n(text.begin(), bytes.size(), bytes.begin());
    const boost::asio::ip::address_v6 address(bytes);
    const bool open = classify(address) == AddressClass::global;
    if (address.is_loopback() || address.is_link_local() || address.is_multicast() ||
        address.is_unspecified() || address.is_site_local()) {
        check(!open);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    read_events(text, 1U + data[0]);
    read_url(text);
    read_address(text);
    HeaderView headers;
    headers.add("Range", text);
    const auto range = choose_range(headers, 1000, "\"e\"");
    check(range.offset + range.length <= 1000);
    (void)accepts_exactly(text, "text/event-stream");
    (void)preference(text, "wait");
    (void)header_parameter(text, "boundary");
    (void)query_value(text, "a");
    (void)split_host(text);
    TraceIds ids;
    take_trace(text, ids);
    const auto encoded = percent_encode(text);
    check(percent_decode(encoded) == text);
    return 0;
}
