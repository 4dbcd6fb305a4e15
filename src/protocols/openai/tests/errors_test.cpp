#include "protocols/openai/errors.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "protocols/openai/context.hpp"

namespace headrace::protocols::openai {
namespace {

json::object told(const Error& error, int status) {
    const auto body = parse_json_object(error_body(error, status)).value();
    return body.at("error").as_object();
}

json::object told(ErrorCode code) {
    return told(Error{code, "text", {}, 0}, status_of(code));
}

TEST(OpenaiErrors, EveryCodeHasItsPlace) {
    struct Row {
        ErrorCode code;
        int status;
        const char* type;
        const char* word;  // null: none
    };
    const Row rows[] = {
        {ErrorCode::invalid_argument, 400, "invalid_request_error", nullptr},
        {ErrorCode::unauthenticated, 401, "invalid_request_error", "invalid_api_key"},
        {ErrorCode::permission_denied, 403, "permission_error", nullptr},
        {ErrorCode::not_found, 404, "invalid_request_error", nullptr},
        {ErrorCode::gone, 404, "invalid_request_error", nullptr},
        {ErrorCode::conflict, 409, "invalid_request_error", nullptr},
        {ErrorCode::idempotency_clash, 422, "invalid_request_error", nullptr},
        {ErrorCode::quota_exceeded, 429, "rate_limit_error", "rate_limit_exceeded"},
        {ErrorCode::too_large, 413, "invalid_request_error", nullptr},
        {ErrorCode::unsupported_media, 415, "invalid_request_error", nullptr},
        {ErrorCode::unavailable, 503, "server_error", "overloaded"},
        {ErrorCode::deadline_exceeded, 504, "server_error", "timeout"},
        {ErrorCode::cancelled, 409, "server_error", "cancelled"},
        {ErrorCode::engine_failed, 502, "server_error", "upstream_error"},
        {ErrorCode::internal, 500, "server_error", nullptr},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string(to_string(row.code)));
        EXPECT_EQ(status_of(row.code), row.status);
        const auto error = told(row.code);
        EXPECT_EQ(error.size(), 4U);
        EXPECT_EQ(error.at("type"), row.type);
        EXPECT_TRUE(error.at("param").is_null());
        if (row.word != nullptr) {
            EXPECT_EQ(error.at("code"), row.word);
        } else {
            EXPECT_TRUE(error.at("code").is_null());
        }
    }
}

TEST(OpenaiErrors, AFieldIsNamedAsTheClientKnowsIt) {
    const auto error = told(
        invalid_input(Error{ErrorCode::invalid_argument,
                            "the input breaks a rule",
                            {{"input.messages[0].role", "values", "user"}, {"input.x", "max", "1"}},
                            0}),
        400);
    EXPECT_EQ(error.at("param"), "messages[0].role");
    EXPECT_EQ(error.at("code"), "invalid_value");
    EXPECT_EQ(error.at("message"), "Invalid value for 'messages[0].role': values user.");
    EXPECT_EQ(told(missing_field("model"), 400).at("code"), "missing_required_parameter");
    EXPECT_EQ(told(unsupported_field("tools"), 400).at("code"), "unsupported_parameter");
    EXPECT_EQ(told(no_such_model("x"), 404).at("code"), "model_not_found");
}

TEST(OpenaiErrors, NothingOfTheInsideIsTold) {
    const auto error = told(Error{ErrorCode::internal, "/data/jobs.db is broken", {}, 0}, 500);
    EXPECT_EQ(std::string(error.at("message").as_string()).find("jobs.db"), std::string::npos);
}

TEST(OpenaiErrors, StatusesOfHttpKeepTheShape) {
    for (const int status : {400, 404, 405, 408, 413, 417, 431, 500, 501, 505}) {
        const auto error = told(Error{ErrorCode::invalid_argument, "text", {}, 0}, status);
        EXPECT_EQ(error.at("type"), status < 500 ? "invalid_request_error" : "server_error");
    }
}

TEST(OpenaiErrors, HeadersTellTheSdkWhetherToTryAgain) {
    const Error busy{ErrorCode::unavailable, "busy", {}, 7};
    EXPECT_EQ(error_response(busy, 503, "/").headers.find("retry-after"), "7");
    const Error spent{
        ErrorCode::quota_exceeded, "spent", {{"", std::string(code::kNoQuota), ""}}, 0};
    const auto response = error_response(spent, 429, "/");
    EXPECT_EQ(response.headers.find("x-should-retry"), "false");
    EXPECT_EQ(response.headers.find("retry-after"), "1");
    const Error slow{ErrorCode::quota_exceeded, "slow down", {}, 0};
    EXPECT_FALSE(error_response(slow, 429, "/").headers.find("x-should-retry"));
}

TEST(OpenaiErrors, JobsThatFailedAreMappedByTheirCode) {
    const auto of = [](std::string word) {
        jobs::JobRecord job;
        job.error = jobs::JobError{std::move(word), "what", "", false};
        return job_failure(job);
    };
    EXPECT_EQ(status_of(of("context_exceeded").code), 400);
    EXPECT_EQ(told(of("context_length_exceeded"), 400).at("code"), "context_length_exceeded");
    EXPECT_EQ(status_of(of("invalid_argument").code), 400);
    EXPECT_EQ(status_of(of("deadline_exceeded").code), 504);
    EXPECT_EQ(told(of("unavailable"), 503).at("code"), "no_worker");
    EXPECT_EQ(status_of(of("cuda_out_of_memory").code), 502) << "a word of the engine's own";
    EXPECT_EQ(status_of(of("internal").code), 500);
    jobs::JobRecord busy;
    busy.error = jobs::JobError{"unavailable", "busy", "", false, 40};
    const auto response = error_response(job_failure(busy), 503, "/");
    EXPECT_EQ(response.headers.find("retry-after"), "40") << "the upstream's own word";
    busy.error->code = "deadline_exceeded";
    EXPECT_EQ(error_response(job_failure(busy), 504, "/").headers.find("retry-after"), "40");
}

TEST(OpenaiHeaders, EveryAnswerHasThem) {
    http::RequestHead head;
    head.trace.trace.fill('a');
    head.headers.add("X-Client-Request-Id", "mine");
    http::Response response;
    stamp(response, head, 12);
    EXPECT_EQ(response.headers.find("x-request-id"), "req_" + std::string(32, 'a'));
    EXPECT_EQ(response.headers.find("openai-processing-ms"), "12");
    EXPECT_EQ(response.headers.find("openai-version"), "2020-10-01");
    EXPECT_EQ(response.headers.find("x-client-request-id"), "mine");
}

}  // namespace
}  // namespace headrace::protocols::openai
