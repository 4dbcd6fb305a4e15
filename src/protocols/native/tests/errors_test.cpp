#include "protocols/native/errors.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace headrace::protocols::native {
namespace {

json::object body_of(const http::Response& response) {
    return parse_json_object(response.body).value();
}

http::RequestHead head_of(std::string_view path) {
    http::RequestHead head;
    head.path = path;
    head.trace.trace.fill('a');
    return head;
}

TEST(Errors, EveryCodeHasItsPlaceOnTheWire) {
    struct Expected {
        ErrorCode code;
        int status;
        std::string_view word;
    };
    const Expected all[] = {
        {ErrorCode::invalid_argument, 400, "invalid_argument"},
        {ErrorCode::unauthenticated, 401, "unauthenticated"},
        {ErrorCode::permission_denied, 403, "permission_denied"},
        {ErrorCode::not_found, 404, "not_found"},
        {ErrorCode::conflict, 409, "conflict"},
        {ErrorCode::gone, 410, "not_found"},
        {ErrorCode::idempotency_clash, 422, "conflict"},
        {ErrorCode::quota_exceeded, 429, "quota_exceeded"},
        {ErrorCode::too_large, 413, "too_large"},
        {ErrorCode::unsupported_media, 415, "invalid_argument"},
        {ErrorCode::unavailable, 503, "unavailable"},
        {ErrorCode::deadline_exceeded, 504, "deadline_exceeded"},
        {ErrorCode::cancelled, 409, "cancelled"},
        {ErrorCode::engine_failed, 502, "engine_failed"},
        {ErrorCode::internal, 500, "internal"},
    };
    for (const auto& expected : all) {
        EXPECT_EQ(status_of(expected.code), expected.status) << expected.word;
        EXPECT_EQ(wire_word(expected.code), expected.word);
    }
}

TEST(Errors, ProblemHasEveryMember) {
    const auto error = invalid("priority", "max", "9", "the job is not valid");
    const auto response = problem(error, 400, head_of("/api/v1/jobs"));
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(
        response.body,
        R"({"type":"urn:headrace:error:invalid_argument","title":"Bad Request","status":400,)"
        R"("detail":"the job is not valid","code":"invalid_argument","instance":"/api/v1/jobs",)"
        R"("trace_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",)"
        R"("errors":[{"path":"priority","rule":"max","limit":"9"}]})");
}

TEST(Errors, Every400HasErrors) {
    const auto body = body_of(
        problem(Error{ErrorCode::invalid_argument, "broken", {}, 0}, 400, head_of("/api/v1/jobs")));
    EXPECT_EQ(body.at("errors").as_array().size(), 1U);
}

TEST(Errors, A500KeepsItsSecret) {
    const auto response = problem(Error{ErrorCode::internal, "select * from keys failed", {}, 0},
                                  500, head_of("/api/v1/jobs"));
    EXPECT_EQ(response.body.find("select"), std::string::npos);
    EXPECT_NE(response.body.find("aaaaaaaaaaaa"), std::string::npos);
}

TEST(Errors, StatusesOfHttpItselfGetAFittingWord) {
    const Error error{ErrorCode::invalid_argument, "x", {}, 0};
    const auto word = [&](int status) {
        return std::string(body_of(problem(error, status, head_of("/"))).at("code").as_string());
    };
    EXPECT_EQ(word(405), "invalid_argument");
    EXPECT_EQ(word(413), "too_large");
    EXPECT_EQ(word(431), "too_large");
    EXPECT_EQ(word(408), "deadline_exceeded");
}

TEST(Errors, RetryAfterIsNeverZero) {
    const auto head = head_of("/");
    const auto full = problem(Error{ErrorCode::quota_exceeded, "x", {}, 7}, 429, head);
    EXPECT_EQ(full.headers.find("retry-after"), "7");
    const auto away = problem(Error{ErrorCode::unavailable, "x", {}, 0}, 503, head);
    EXPECT_EQ(away.headers.find("retry-after"), "1");
    const auto who = problem(Error{ErrorCode::unauthenticated, "x", {}, 0}, 401, head);
    EXPECT_EQ(who.headers.find("www-authenticate"), "Bearer");
}

TEST(Errors, ARefusalBeforeTheHeadStillHasATrace) {
    const Error error{ErrorCode::too_large, "x", {}, 0};
    const auto body = body_of(problem(error, 431, http::RequestHead{}));
    const std::string trace(body.at("trace_id").as_string());
    EXPECT_EQ(trace.size(), 32U);
    EXPECT_EQ(trace.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Errors, TextOfOthersIsEscaped) {
    const Error error{ErrorCode::not_found, "no \"such\"\nthing", {}, 0};
    const auto body = body_of(problem(error, 404, head_of("/api/v1/\"")));
    EXPECT_EQ(body.at("detail").as_string(), "no \"such\"\nthing");
    EXPECT_EQ(body.at("instance").as_string(), "/api/v1/\"");
}

}  // namespace
}  // namespace headrace::protocols::native
