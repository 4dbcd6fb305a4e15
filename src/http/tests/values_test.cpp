// The small parsers: header values, queries, addresses, ranges, event streams.
#include <gtest/gtest.h>

#include "http/byte_range.hpp"
#include "http/chunk_decoder.hpp"
#include "http/head_text.hpp"
#include "http/message.hpp"
#include "http/request_parser.hpp"
#include "http/sse.hpp"
#include "http/sse_reader.hpp"
#include "http/url.hpp"

namespace headrace::http {
namespace {

TEST(HeadTextTest, NamesAreComparedWithoutCaseOnWholeLength) {
    EXPECT_TRUE(equal_without_case("", ""));
    EXPECT_TRUE(equal_without_case("Content-Length", "cONTENT-lENGTH"));
    EXPECT_FALSE(equal_without_case("content-length", "content-lengt"));
    const std::string name = "x-forwarded-for-prefix";
    for (std::size_t length = 1; length <= name.size(); ++length) {
        for (std::size_t at = 0; at < length; ++at) {
            std::string other = name.substr(0, length);
            other[at] = '@';  // what A is without its bit for small letters
            EXPECT_FALSE(equal_without_case(other, name.substr(0, length))) << length << ' ' << at;
            other[at] = static_cast<char>(name[at] ^ 0x20);
            const bool letter = name[at] != '-';
            EXPECT_EQ(equal_without_case(other, name.substr(0, length)), letter) << length << at;
        }
    }
}

TEST(HeadTextTest, AValueEndsAtItsFirstControlCharacterButTheTab) {
    for (std::size_t length = 0; length < 20; ++length) {
        EXPECT_EQ(run_of_value(std::string(length, 'v')), length);
        for (std::size_t at = 0; at < length; ++at) {
            for (unsigned byte = 0; byte < 256; ++byte) {
                std::string text(length, 'v');
                text[0] = '\t';
                text[at] = static_cast<char>(byte);
                const bool held = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
                ASSERT_EQ(run_of_value(text), held ? length : at) << length << ' ' << byte;
            }
        }
    }
}

TEST(PercentTest, DecodesOnceAndRefusesBrokenEscapes) {
    EXPECT_EQ(percent_decode("a%20b+c%2525"), "a b+c%25");
    EXPECT_EQ(percent_decode(""), "");
    for (const auto* broken : {"%", "%a", "%zz", "a%2", "%%20"}) {
        EXPECT_FALSE(percent_decode(broken)) << broken;
    }
    EXPECT_EQ(percent_encode("a b/\xc3\xa9~"), "a%20b%2F%C3%A9~");
}

TEST(QueryTest, FindsAndParses) {
    const std::string_view query = "a=1&b=x+y%26&a=2&flag&%61b=%3D";
    EXPECT_EQ(query_value(query, "a"), "1");
    EXPECT_EQ(query_value(query, "b"), "x y&");
    EXPECT_EQ(query_value(query, "flag"), "");
    EXPECT_EQ(query_value(query, "ab"), "=");
    EXPECT_FALSE(query_value(query, "c"));
    EXPECT_EQ(parse_query(query)->size(), 5U);
    EXPECT_FALSE(parse_query("a=%"));
}

TEST(HeaderValueTest, AcceptPreferAndParameters) {
    EXPECT_TRUE(accepts_exactly("text/html, text/event-stream;q=0.5", "text/event-stream"));
    EXPECT_TRUE(accepts_exactly("TEXT/Event-Stream", "text/event-stream"));
    EXPECT_FALSE(accepts_exactly("text/*, */*", "text/event-stream"));
    EXPECT_FALSE(accepts_exactly("text/event-stream; q=0.0", "text/event-stream"));
    EXPECT_EQ(preference("respond-async, wait=5", "wait"), "5");
    EXPECT_EQ(preference("Wait = \"10\"; x=1", "wait"), "10");
    EXPECT_EQ(preference("respond-async", "respond-async"), "");
    EXPECT_FALSE(preference("handling=lenient", "wait"));
    EXPECT_EQ(media_type("Application/JSON ; charset=x"), "application/json");
    EXPECT_EQ(header_parameter("form-data; name=\"a\\\"b; c\"; filename=x", "name"), "a\"b; c");
    EXPECT_EQ(header_parameter("form-data; name=\"a\"; Filename=x", "filename"), "x");
    EXPECT_FALSE(header_parameter("form-data", "name"));
}

TEST(HeadersTest, FindWithoutCase) {
    Headers headers{{"Content-Type", "a"}, {"X", "1"}, {"x", "2"}};
    EXPECT_EQ(headers.find("content-type"), "a");
    headers.set("X", "3");
    EXPECT_EQ(headers.fields().size(), 2U);
    EXPECT_EQ(headers.find("x"), "3");
    EXPECT_FALSE(headers.find("y"));
}

TEST(TraceTest, TakesWellFormedParentsOnly) {
    TraceIds ids;
    take_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ids);
    EXPECT_EQ(ids.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(ids.parent_id(), "b7ad6b7169203331");
    EXPECT_TRUE(ids.sampled);
    EXPECT_EQ(ids.traceparent("00000000000000aa"),
              "00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01");
    take_trace("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more", ids);
    EXPECT_FALSE(ids.sampled);
    for (const auto* broken : {"", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                               "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                               "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                               "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                               "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"}) {
        take_trace(broken, ids);
        EXPECT_NE(ids.trace_id(), "0af7651916cd43dd8448eb211c80319c") << broken;
        EXPECT_EQ(ids.parent_id(), "0000000000000000") << broken;
    }
}

/// The decoded body, "..." behind it while it goes on, or "broken".
std::string decode_chunks(std::string_view wire, std::size_t step) {
    ChunkDecoder decoder;
    std::string body;
    while (!wire.empty()) {
        const auto piece = decoder.next(wire.substr(0, step));
        if (piece.broken) return "broken";
        body += piece.data;
        if (piece.done) return body.append(wire.substr(piece.consumed));
        wire.remove_prefix(piece.consumed);
    }
    return body + "...";
}

TEST(ChunkDecoderTest, SameInPiecesOfEverySize) {
    const struct {
        const char* wire;
        const char* body;
    } cases[] = {
        {"0\r\n\r\n", ""},
        {"0\r\n\r\nnext", "next"},
        {"000a \t;x=\"y\"\r\n0123456789\r\n0;z\r\nA: b\r\nC:\r\n\r\n", "0123456789"},
        {"3\r\nabc\r\n", "abc..."},
        {"3\r\nabc\r\n0\r\n", "abc..."},
        {"3\r\nabcd\r\n", "broken"},
        {"3\nabc\r\n", "broken"},
        {"3\r\nabc\n", "broken"},
        {"\r\n", "broken"},
        {"g\r\n", "broken"},
        {"3 3\r\nabc", "broken"},
        {"1234567890123456\r\n", "broken"},
        {"0\r\nno colon\r\n\r\n", "broken"},
        {"0\r\n: x\r\n\r\n", "broken"},
        {"0\r\n folded: x\r\n\r\n", "broken"},
        {"0\r\nHOST: x\r\n\r\n", "broken"},
        {"0\r\nA: b\nC: d\r\n\r\n", "broken"},
    };
    for (const auto& c : cases) {
        for (std::size_t step = 1; step <= 60; ++step) {
            const auto body = decode_chunks(c.wire, step);
            EXPECT_EQ(body, c.body) << c.wire << step;
        }
    }
}

TEST(UrlTest, ParsesShowsAndResolves) {
    const auto url = Url::parse("HTTPS://Host.Example:8443/a%20b?x=1#frag");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->text(), "https://host.example:8443/a%20b?x=1");
    EXPECT_EQ(url->authority(), "host.example:8443");
    EXPECT_EQ(Url::parse("http://h")->text(), "http://h/");
    EXPECT_EQ(Url::parse("ws://[::1]:80/x")->authority(), "[::1]");
    EXPECT_EQ(Url::parse("http://h:80?q")->target, "/?q");
    EXPECT_TRUE(Url::parse("http://u@h/")->has_userinfo);
    EXPECT_EQ(Url::parse("unix:/run/a.sock:/v1/x")->socket_path, "/run/a.sock");
    EXPECT_EQ(Url::parse("unix:/run/a.sock:/v1/x")->target, "/v1/x");
    EXPECT_EQ(Url::parse("unix:/run/a.sock")->target, "/");
    EXPECT_EQ(url->resolve("c")->text(), "https://host.example:8443/c");
    EXPECT_EQ(url->resolve("//other/x")->text(), "https://other/x");
    EXPECT_EQ(url->resolve("?y")->text(), "https://host.example:8443/a%20b?y");
    EXPECT_FALSE(url->resolve("mailto:x"));
    EXPECT_FALSE(url->resolve("http://a b/"));
}

TEST(UrlTest, AHostIsAName) {
    EXPECT_EQ(Url::parse("http://h-1.example_/")->host, "h-1.example_");
    EXPECT_EQ(Url::parse("http://[FD00::1]/")->host, "fd00::1");
    for (const char* text :
         {"http://&fd0%2580/", "http://a%3a80/", "http://a%2fb/", "http://a%00b/",
          "http://[fe80::1%25eth0]/", "http://a,b/", "http://%5B::1%5D/"}) {
        EXPECT_FALSE(Url::parse(text)) << text;
    }
}

HeaderView range_headers(std::string_view range, std::string_view condition = {}) {
    HeaderView headers;
    headers.add("Range", range);
    if (!condition.empty()) headers.add("If-Range", condition);
    return headers;
}

TEST(ByteRangeTest, OneRangeOrTheWhole) {
    const struct {
        const char* range;
        int status;
        std::uint64_t offset, length;
    } cases[] = {
        {"bytes=0-0", 206, 0, 1},
        {"bytes=10-19", 206, 10, 10},
        {"bytes=90-", 206, 90, 10},
        {"bytes=90-1000", 206, 90, 10},
        {"bytes=-5", 206, 95, 5},
        {"bytes=-500", 206, 0, 100},
        {"BYTES=1-2", 206, 1, 2},
        {"bytes=0-99999999999999999999999", 206, 0, 100},
        {"bytes=100-", 416, 0, 0},
        {"bytes=-0", 416, 0, 0},
        {"bytes=99999999999999999999-", 416, 0, 0},
        {"bytes=5-1", 200, 0, 100},
        {"bytes=1-2,4-5", 200, 0, 100},
        {"bytes=", 200, 0, 100},
        {"bytes=-", 200, 0, 100},
        {"bytes=a-b", 200, 0, 100},
        {"lines=1-2", 200, 0, 100},
        {"bytes=1-2x", 200, 0, 100},
        {"bytes=+1-2", 200, 0, 100},
        {"bytes=--1", 200, 0, 100},
    };
    for (const auto& c : cases) {
        const auto answer = choose_range(range_headers(c.range), 100, "\"e\"");
        EXPECT_EQ(answer.status, c.status) << c.range;
        EXPECT_EQ(answer.offset, c.offset) << c.range;
        EXPECT_EQ(answer.length, c.length) << c.range;
    }
    EXPECT_EQ(choose_range(range_headers("bytes=0-1", "\"e\""), 100, "\"e\"").status, 206);
    EXPECT_EQ(choose_range(range_headers("bytes=0-1", "\"old\""), 100, "\"e\"").status, 200);
    EXPECT_EQ(choose_range(range_headers("bytes=0-1", "W/\"e\""), 100, "W/\"e\"").status, 200);
    EXPECT_EQ(choose_range(range_headers("bytes=0-"), 0, "").status, 416);
    EXPECT_EQ(choose_range(HeaderView(), 7, "").length, 7U);
}

TEST(SseTest, WhatIsWrittenIsReadInAnyPieces) {
    std::string wire = "\xEF\xBB\xBF: comment\n\n";
    append_sse(wire, 7, "state", "one\ntwo\r\nthree\rfour");
    append_sse(wire, std::nullopt, "", "");
    append_sse(wire, 8, "ev\nent", "last\n");
    for (std::size_t step = 1; step <= wire.size(); ++step) {
        SseReader reader;
        std::vector<SseEvent> events;
        for (std::size_t i = 0; i < wire.size(); i += step) {
            auto more = reader.feed(std::string_view(wire).substr(i, step));
            ASSERT_TRUE(more);
            events.insert(events.end(), more->begin(), more->end());
        }
        ASSERT_EQ(events.size(), 3U);
        EXPECT_EQ(events[0].id, "7");
        EXPECT_EQ(events[0].event, "state");
        EXPECT_EQ(events[0].data, "one\ntwo\nthree\nfour");
        EXPECT_EQ(events[1].event, "message");
        EXPECT_EQ(events[1].id, "7");
        EXPECT_EQ(events[1].data, "");
        EXPECT_EQ(events[2].event, "event");
        EXPECT_EQ(events[2].data, "last\n");
    }
}

TEST(SseTest, ReaderKnowsEveryLineEndAndItsLimit) {
    SseReader reader;
    auto events = reader.feed("data:a\r\rdata: b\r\n\r\nevent: x\n\ndata\nfoo: bar\nid:1\n\n");
    ASSERT_EQ(events->size(), 3U);
    EXPECT_EQ((*events)[0].data, "a");
    EXPECT_EQ((*events)[1].data, "b");
    EXPECT_EQ((*events)[2].data, "");
    EXPECT_EQ((*events)[2].id, "1");
    EXPECT_EQ((*events)[2].event, "message");
    SseReader small(10);
    EXPECT_FALSE(small.feed("data: 12345678901"));
    SseReader many(10);
    EXPECT_FALSE(many.feed("data: 1234\ndata: 1234\ndata: 1234\n"));
}

}  // namespace
}  // namespace headrace::http
