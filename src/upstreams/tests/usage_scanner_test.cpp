#include "upstreams/usage_scanner.hpp"

#include <gtest/gtest.h>

#include "base/json_scan.hpp"

namespace headrace::upstreams {
namespace {

using Verdict = UsageScanner::Verdict;

constexpr std::string_view kDelta =
    R"({"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":null})";
constexpr std::string_view kEnd =
    R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";
constexpr std::string_view kUsage =
    R"({"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":2}}})";

TEST(UsageScanner, TakesOutTheFrameThatOnlyWeAskedFor) {
    UsageScanner ours(false, "");
    EXPECT_EQ(ours.take(kDelta), Verdict::pass);
    EXPECT_FALSE(ours.finished());
    EXPECT_EQ(ours.take(kEnd), Verdict::pass);
    EXPECT_TRUE(ours.finished());
    EXPECT_EQ(ours.take(kUsage), Verdict::drop);
    EXPECT_EQ(ours.take("[DONE]"), Verdict::done);
    EXPECT_EQ(ours.tokens().prompt, 7U);
    EXPECT_EQ(ours.tokens().completion, 3U);
    EXPECT_EQ(ours.tokens().cached, 2U);
    UsageScanner theirs(true, "");
    EXPECT_EQ(theirs.take(kUsage), Verdict::pass);
    EXPECT_EQ(theirs.tokens().completion, 3U);
}

TEST(UsageScanner, UsageBesideAChoiceIsPassedOn) {
    UsageScanner scanner(false, "");
    EXPECT_EQ(
        scanner.take(
            R"({"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":9}})"),
        Verdict::pass);
    EXPECT_EQ(scanner.tokens().completion, 9U);
}

TEST(UsageScanner, CountsEventsWhenNobodyElseDoes) {
    UsageScanner scanner(false, "");
    scanner.take(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})");
    for (int i = 0; i < 5; ++i) scanner.take(kDelta);
    scanner.take(R"({"choices":[{"text": "old"}]})");
    scanner.take(R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{"}}]}}]})");
    scanner.take("");
    EXPECT_EQ(scanner.tokens().completion, 7U);
    EXPECT_EQ(scanner.tokens().prompt, std::nullopt);
}

std::string token(std::string_view text, std::string_view more = "") {
    return R"({"id":"c","choices":[{"index":0,"delta":{"content":")" + std::string(text) +
           R"("},"finish_reason":null}])" + std::string(more) + "}";
}

TEST(UsageScanner, WhatIsNewInAnEventLikeTheLastIsLookedAt) {
    using Verdict = UsageScanner::Verdict;
    for (const char* text : {"b", "a \\\"b\\\" \\u00e9", "\xC3\xA9", "\\ud83d\\ude00", ""}) {
        UsageScanner scanner(false, "");
        EXPECT_EQ(scanner.take(token("a")), Verdict::pass);
        EXPECT_EQ(scanner.take(token(text)), Verdict::pass) << text;
        EXPECT_EQ(scanner.tokens().completion, text[0] == '\0' ? 1U : 2U) << text;
    }
    for (const char* text : {"a\"", "\\", "\n", "\xC3", "\\ud83d", "\\x", "\",\"x\":", "\xFF"}) {
        UsageScanner scanner(false, "");
        EXPECT_EQ(scanner.take(token("a")), Verdict::pass);
        EXPECT_EQ(scanner.take(token(text)), Verdict::bad) << text;
    }
    UsageScanner scanner(false, "");
    EXPECT_EQ(scanner.take(token("a")), Verdict::pass);
    // It closes the string early: the same text around it, and another meaning.
    EXPECT_EQ(scanner.take(token(R"(b"},"finish_reason":"stop","x":{"y":")")), Verdict::pass);
    EXPECT_TRUE(scanner.finished());
    EXPECT_EQ(scanner.take(token("c")), Verdict::pass);
    EXPECT_EQ(scanner.take(token("", R"(,"usage":{"prompt_tokens":3,"completion_tokens":9})")),
              Verdict::pass);
    EXPECT_EQ(scanner.tokens().completion, 9U);
    EXPECT_EQ(scanner.take(token("", R"(,"error":{"message":"no"})")), Verdict::bad);
}

TEST(UsageScanner, BlanksAndOrderOfTheMembersDoNotMatter) {
    UsageScanner scanner(false, "");
    scanner.take(
        R"({ "choices" : [ { "finish_reason" : null, "delta" : { "content" :  "x" } } ] })");
    EXPECT_EQ(scanner.tokens().completion, 1U);
    scanner.take(R"({"choices":[{"delta":{"text":"not this one","content":""}}]})");
    scanner.take(
        R"({"choices":[{"delta":{"content":null,"tool_calls":[{"function":{"arguments":"{"}}]}}]})");
    EXPECT_EQ(scanner.tokens().completion, 2U);
    EXPECT_FALSE(scanner.finished());
    scanner.take(R"({"choices" : [{"delta" : {}, "finish_reason" :   "length"}]})");
    EXPECT_TRUE(scanner.finished());
    EXPECT_EQ(scanner.take(R"({"usage" : {"completion_tokens" : 5}, "choices" : [ ]})"),
              Verdict::drop);
    EXPECT_EQ(scanner.tokens().completion, 5U);
    EXPECT_EQ(scanner.take(R"({"object" : "error", "message" : "m", "code" : 50001})"),
              Verdict::bad);
    UsageScanner deeper(false, "");
    deeper.take(kDelta);
    EXPECT_EQ(deeper.take(R"({"choices":[{"error":{"message":"of a tool"},"usage":{}}]})"),
              Verdict::pass);
}

TEST(UsageScanner, ContentThatTalksOfUsageIsNoUsage) {
    UsageScanner scanner(false, "");
    EXPECT_EQ(
        scanner.take(
            R"({"choices":[{"delta":{"content":"\"usage\":{\"completion_tokens\":99},\"error\":{}"}}]})"),
        Verdict::pass);
    EXPECT_EQ(scanner.tokens().completion, 1U);
}

TEST(UsageScanner, NumbersThatCannotBeAreNotTaken) {
    UsageScanner scanner(false, "");
    scanner.take(
        R"({"choices":[],"usage":{"prompt_tokens":-4,"completion_tokens":99999999999999999999}})");
    scanner.take(kDelta);
    EXPECT_EQ(scanner.tokens().prompt, std::nullopt);
    EXPECT_EQ(scanner.tokens().completion, 1U);
}

TEST(UsageScanner, ErrorsAndGarbageEndTheStream) {
    UsageScanner scanner(false, "sk-secret-1");
    EXPECT_EQ(
        scanner.take(
            R"({"error":{"message":"no sk-secret-1 for you","type":"server_error","code":null}})"),
        Verdict::bad);
    EXPECT_EQ(scanner.error().fault, Fault::server);
    EXPECT_EQ(scanner.error().message, "no *** for you");
    UsageScanner broken(false, "");
    for (const char* text : {"{\"choices\":[", "hello", "{} {}", "{\"a\":\"\xff\"}"}) {
        EXPECT_EQ(broken.take(text), Verdict::bad) << text;
    }
}

TEST(ErrorIn, JudgesByCodeAndType) {
    const auto fault = [](std::string_view body) -> std::optional<Fault> {
        const auto members = JsonMembers::scan(body);
        const auto error = error_in(*members, "");
        return error ? std::optional(error->fault) : std::nullopt;
    };
    EXPECT_EQ(fault(R"({"error":{"message":"m","code":"context_length_exceeded"}})"),
              Fault::request);
    EXPECT_EQ(fault(R"({"error":{"message":"m","type":"invalid_request_error"}})"), Fault::request);
    EXPECT_EQ(fault(R"({"error":{"message":"m","code":401}})"), Fault::credentials);
    EXPECT_EQ(fault(R"({"error":{"message":"m","code":"invalid_api_key"}})"), Fault::credentials);
    EXPECT_EQ(fault(R"({"error":{"message":"m","code":429}})"), Fault::busy);
    EXPECT_EQ(fault(R"({"error":{"message":"m"}})"), Fault::server);
    EXPECT_EQ(fault(R"({"error":"it broke"})"), Fault::server);
    EXPECT_EQ(fault(R"({"object":"error","message":"m","code":40303})"), Fault::request);
    EXPECT_EQ(fault(R"({"object":"error","message":"m","code":50001})"), Fault::server);
    EXPECT_EQ(fault(R"({"error":null,"choices":[]})"), std::nullopt);
    EXPECT_EQ(fault(R"({"object":"chat.completion","choices":[]})"), std::nullopt);
}

TEST(MessageIn, IsBoundedAndHoldsNoKey) {
    const std::string body =
        R"({"error":{"message":")" + std::string(10'000, 'x') + R"(","code":400}})";
    EXPECT_EQ(message_in(body, "").size(), 2'000U);
    EXPECT_EQ(
        message_in(
            R"({"error":{"message":"Incorrect API key provided: sk-1","code":"invalid_api_key"}})",
            ""),
        "");
    EXPECT_EQ(message_in(R"({"detail":"bad field"})", ""), "bad field");
    EXPECT_EQ(message_in("<html>", ""), "");
}

}  // namespace
}  // namespace headrace::upstreams
