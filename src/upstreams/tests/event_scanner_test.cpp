#include "upstreams/event_scanner.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace headrace::upstreams {
namespace {

struct Seen {
    std::string text;
    std::string data;
    bool operator==(const Seen&) const = default;
};

std::vector<Seen> scan(std::string_view stream, const std::vector<std::size_t>& cuts,
                       bool* pending = nullptr) {
    EventScanner scanner;
    std::vector<Seen> out;
    std::size_t at = 0;
    const auto feed = [&](std::size_t end) {
        scanner.feed(std::string(stream.substr(at, end - at)));
        at = end;
        while (auto event = scanner.next()) {
            out.push_back({std::string(event->text), std::string(event->data)});
        }
    };
    for (const auto cut : cuts) feed(cut);
    feed(stream.size());
    if (pending) *pending = scanner.pending();
    return out;
}

constexpr std::string_view kStream =
    ": ping\n\ndata: {\"a\":1}\n\ndata:{\"b\":2}\r\n\r\nevent: x\nid: 7\ndata: one\ndata: two\n\n"
    "data\n\n\ndata: [DONE]\n\n";

TEST(EventScanner, GivesWholeEventsAsTheyCame) {
    const auto events = scan(kStream, {});
    const std::vector<Seen> wanted{{": ping\n\n", ""},
                                   {"data: {\"a\":1}\n\n", "{\"a\":1}"},
                                   {"data:{\"b\":2}\r\n\r\n", "{\"b\":2}"},
                                   {"event: x\nid: 7\ndata: one\ndata: two\n\n", "one\ntwo"},
                                   {"data\n\n", ""},
                                   {"\n", ""},
                                   {"data: [DONE]\n\n", "[DONE]"}};
    EXPECT_EQ(events, wanted);
}

TEST(EventScanner, SameInPiecesOfEverySize) {
    const auto whole = scan(kStream, {});
    for (std::size_t size = 1; size < kStream.size(); ++size) {
        std::vector<std::size_t> cuts;
        for (std::size_t at = size; at < kStream.size(); at += size) cuts.push_back(at);
        EXPECT_EQ(scan(kStream, cuts), whole) << size;
    }
    std::mt19937 random(5);
    for (int round = 0; round < 2'000; ++round) {
        std::vector<std::size_t> cuts;
        for (std::size_t at = random() % 9; at < kStream.size(); at += random() % 9)
            cuts.push_back(at);
        EXPECT_EQ(scan(kStream, cuts), whole);
    }
}

TEST(EventScanner, SaysWhetherAnEventWasCut) {
    bool pending = false;
    scan("data: 1\n\ndata: ha", {}, &pending);
    EXPECT_TRUE(pending);
    scan("data: 1\n\n", {}, &pending);
    EXPECT_FALSE(pending);
}

TEST(EventScanner, EventsAreBoundedAndLinear) {
    EventScanner scanner(1'000);
    scanner.feed(std::string(1'001, 'x'));
    EXPECT_FALSE(scanner.next().has_value());
    EXPECT_TRUE(scanner.too_large());
    // Many short lines of one event count together.
    EventScanner lines(1'000);
    std::string text;
    for (int i = 0; i < 300; ++i) text += "a:b\n";
    lines.feed(text);
    EXPECT_FALSE(lines.next().has_value());
    EXPECT_TRUE(lines.too_large());
    // A large event in small pieces: quadratic work would take minutes here.
    EventScanner large(64 << 20);
    for (int i = 0; i < 200'000; ++i) {
        large.feed(std::string(100, 'y'));
        ASSERT_FALSE(large.next().has_value());
    }
    EXPECT_TRUE(large.pending());
}

}  // namespace
}  // namespace headrace::upstreams
