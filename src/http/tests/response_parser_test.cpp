#include "http/response_parser.hpp"

#include <gtest/gtest.h>

namespace headrace::http {
namespace {

struct Answer {
    std::string outcome;  // "done", "broken", "open"
    int status = 0;
    bool keeps = false;
    std::string body;
    Headers headers;
};

/// `step` bytes at a time, as a connection hands them over; at its end the server closes.
Answer read(std::string_view bytes, std::size_t step, bool no_body = false, bool closes = false) {
    ResponseParser parser(no_body, 1024);
    std::string pending;
    Answer answer;
    while (!bytes.empty() && !parser.done() && !parser.broken()) {
        const auto take = std::min(step, bytes.size());
        pending.append(bytes.substr(0, take));
        bytes.remove_prefix(take);
        std::size_t used = 1;
        while (used > 0 && !pending.empty() && !parser.done() && !parser.broken()) {
            used = parser.feed(pending, answer.body);
            pending.erase(0, used);
        }
    }
    if (closes) parser.feed_end();
    answer.outcome = parser.broken() ? "broken" : parser.done() ? "done" : "open";
    answer.status = parser.status();
    answer.keeps = parser.keep_alive();
    answer.headers = parser.take_headers();
    return answer;
}

/// The same in one piece and byte by byte.
Answer whole(const std::string& bytes, bool no_body = false, bool closes = false) {
    const auto pieces = read(bytes, 1, no_body, closes);
    auto answer = read(bytes, bytes.size(), no_body, closes);
    EXPECT_EQ(pieces.outcome, answer.outcome) << bytes;
    EXPECT_EQ(pieces.body, answer.body) << bytes;
    EXPECT_EQ(pieces.keeps, answer.keeps) << bytes;
    return answer;
}

std::string outcome(const std::string& head, const std::string& body = "") {
    return whole("HTTP/1.1 200 OK\r\n" + head + "\r\n" + body).outcome;
}

TEST(ResponseParser, TakesASizedBody) {
    const auto answer = whole(
        "HTTP/1.1 200 OK\r\nContent-Type:  text/plain \r\ncontent-length: 5\r\nX:\r\n\r\nhello");
    EXPECT_EQ(answer.outcome, "done");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_TRUE(answer.keeps);
    EXPECT_EQ(answer.headers.find("Content-Type"), "text/plain");
    EXPECT_EQ(answer.headers.find("x"), "");
}

TEST(ResponseParser, StopsAtTheEndOfTheHeadAndOfTheAnswer) {
    ResponseParser parser(false, 1024);
    std::string body;
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    EXPECT_EQ(parser.feed(head.substr(0, head.size() - 1), body), 0U);
    EXPECT_FALSE(parser.head_done());
    EXPECT_EQ(parser.feed(head + "abmore", body), head.size());
    EXPECT_TRUE(parser.head_done());
    EXPECT_FALSE(parser.done());
    EXPECT_EQ(parser.feed("abmore", body), 2U);
    EXPECT_TRUE(parser.done());
    EXPECT_EQ(parser.feed("more", body), 0U);
    EXPECT_EQ(body, "ab");
}

TEST(ResponseParser, TakesChunks) {
    const auto answer = whole(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "Chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n");
    EXPECT_EQ(answer.outcome, "done");
    EXPECT_EQ(answer.body, "hello!");
    EXPECT_TRUE(answer.keeps);
    EXPECT_EQ(outcome("Transfer-Encoding: chunked\r\n", "5\r\nhel"), "open");
    EXPECT_EQ(outcome("Transfer-Encoding: chunked\r\n", "5\r\nhello!"), "broken");
}

TEST(ResponseParser, TheEndOfTheConnectionEndsWhatHasNoOtherEnd) {
    for (const std::string head : {"", "Transfer-Encoding: gzip\r\n"}) {
        const std::string bytes = "HTTP/1.1 200 OK\r\n" + head + "\r\nrest";
        EXPECT_EQ(whole(bytes).outcome, "open");
        const auto answer = whole(bytes, false, true);
        EXPECT_EQ(answer.outcome, "done");
        EXPECT_EQ(answer.body, "rest");
        EXPECT_FALSE(answer.keeps);
    }
    EXPECT_EQ(whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", false, true).outcome,
              "broken");
    EXPECT_EQ(whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, true).outcome,
              "broken");
    EXPECT_EQ(whole("HTTP/1.1 200 OK\r\n", false, true).outcome, "broken");
}

TEST(ResponseParser, SomeAnswersHaveNoBody) {
    for (const std::string status : {"100 Continue", "204 No Content", "304 Not Modified"}) {
        EXPECT_EQ(whole("HTTP/1.1 " + status + "\r\nContent-Length: 9\r\n\r\n").outcome, "done");
    }
    const auto head = whole("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true);
    EXPECT_EQ(head.outcome, "done");
    EXPECT_TRUE(head.keeps);
}

TEST(ResponseParser, KnowsWhetherTheConnectionStays) {
    const auto keeps = [](const std::string& version, const std::string& fields) {
        return whole("HTTP/" + version + " 200 OK\r\nContent-Length: 0\r\n" + fields + "\r\n")
            .keeps;
    };
    EXPECT_TRUE(keeps("1.1", ""));
    EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
    EXPECT_FALSE(keeps("1.1", "Connection: x, CLOSE\r\n"));
    EXPECT_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    EXPECT_FALSE(keeps("1.0", ""));
    EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(ResponseParser, JoinsALineThatContinuesTheOneBefore) {
    const auto answer =
        whole("HTTP/1.1 200 OK\r\nX: a\r\n\t b \r\n  \r\nContent-Length: 1\r\nY:\r\n z\r\n\r\n.");
    EXPECT_EQ(answer.outcome, "done");
    EXPECT_EQ(answer.headers.find("x"), "a b");
    EXPECT_EQ(answer.headers.find("y"), "z");
}

TEST(ResponseParser, RefusesWhatTwoParsersReadDifferently) {
    EXPECT_EQ(outcome("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), "done");
    EXPECT_EQ(outcome("Content-Length: 1\r\nContent-Length: 2\r\n", "a"), "broken");
    for (const std::string head :
         {"Content-Length: 1, 1\r\n", "Content-Length: +1\r\n", "Content-Length:\r\n",
          "Content-Length: 18446744073709551616\r\n",
          "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", "X : 1\r\n", ": 1\r\n",
          "X\r\n", " X: 1\r\n", "X: a\nb\r\n", "X: a\rb\r\n", "X: a\x01\r\n"}) {
        EXPECT_EQ(outcome(head, "abc"), "broken") << head;
    }
    EXPECT_EQ(outcome(std::string("X: a\0b\r\n", 8)), "broken");
    EXPECT_EQ(whole("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").outcome, "broken");
}

TEST(ResponseParser, TheStatusLine) {
    for (const std::string line :
         {"HTTP/1.1 200 OK", "HTTP/1.0 599 ", "HTTP/1.1 404", "HTTP/1.1 200 ein gro\xC3\x9F"}) {
        EXPECT_EQ(whole(line + "\r\nContent-Length: 0\r\n\r\n").outcome, "done") << line;
    }
    for (const std::string line :
         {"HTTP/1.2 200 OK", "HTTP/2.0 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 20",
          "HTTP/1.1 20x OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1\t200 OK",
          "http/1.1 200 OK", "", "HTTP/1.1 200 \x07"}) {
        EXPECT_EQ(whole(line + "\r\nContent-Length: 0\r\n\r\n").outcome, "broken") << line;
    }
    // At once: nobody waits for the rest of a head.
    EXPECT_EQ(whole("SSH-2.0-x").outcome, "broken");
}

TEST(ResponseParser, AHeadIsBounded) {
    const std::string long_field = "X: " + std::string(1100, 'a') + "\r\n";
    EXPECT_EQ(outcome(long_field), "broken");
    EXPECT_EQ(whole("HTTP/1.1 200 OK\r\n" + long_field).outcome, "broken");
}

}  // namespace
}  // namespace headrace::http
