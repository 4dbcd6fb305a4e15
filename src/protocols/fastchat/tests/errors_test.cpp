#include "protocols/fastchat/errors.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "jobs/job.hpp"

namespace headrace::protocols::fastchat {
namespace {

TEST(Errors, EveryCodeHasANumber) {
    const std::pair<ErrorCode, int> kTable[] = {
        {ErrorCode::invalid_argument, 40001},  {ErrorCode::unauthenticated, 40102},
        {ErrorCode::permission_denied, 40103}, {ErrorCode::not_found, 40301},
        {ErrorCode::conflict, 40001},          {ErrorCode::gone, 40301},
        {ErrorCode::idempotency_clash, 40001}, {ErrorCode::quota_exceeded, 42901},
        {ErrorCode::too_large, 40001},         {ErrorCode::unsupported_media, 40001},
        {ErrorCode::unavailable, 50005},       {ErrorCode::deadline_exceeded, 50006},
        {ErrorCode::cancelled, 50001},         {ErrorCode::engine_failed, 50001},
        {ErrorCode::internal, 50001},
    };
    for (const auto& [code, number] : kTable) EXPECT_EQ(number_of(code), number) << to_string(code);
    EXPECT_EQ(number_of(jobs::JobError{"context_exceeded", "", "", false}), 40303);
    EXPECT_EQ(number_of(jobs::JobError{"unavailable", "", "", false}), 50005);
}

TEST(Errors, ShapesOfTheWire) {
    auto response = api_error(40301, "no \"such\" model");
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.body, R"({"object":"error","message":"no \"such\" model","code":40301})");
    response = api_error(Error{ErrorCode::unauthenticated, "why", {}, 0});
    EXPECT_EQ(response.status, 401);
    EXPECT_TRUE(parse_json_object(response.body)->contains("detail"));
    response = api_error(Error{ErrorCode::internal, "secret", {}, 0});
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
    EXPECT_EQ(api_error(Error{ErrorCode::unavailable, "", {}, 7}).headers.find("retry-after"), "7");
    const auto of_job = api_error(jobs::JobError{"unavailable", "busy", "", false, 40});
    EXPECT_EQ(of_job.headers.find("retry-after"), "40");
    EXPECT_NE(of_job.body.find("50005"), std::string::npos);
    const auto chunk = error_chunk(50005, "x");
    EXPECT_EQ(chunk.back(), '\0');
    EXPECT_EQ(chunk.substr(0, chunk.size() - 1), R"({"text":"x","error_code":50005})");
}

}  // namespace
}  // namespace headrace::protocols::fastchat
