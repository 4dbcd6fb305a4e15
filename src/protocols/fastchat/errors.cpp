#include "protocols/fastchat/errors.hpp"

#include "base/json.hpp"
#include "jobs/job.hpp"

namespace headrace::protocols::fastchat {

// No default: a new ErrorCode without a line here does not compile (-Wswitch, -Werror).
int number_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::unsupported_media:
        case ErrorCode::too_large:
        case ErrorCode::conflict:
        case ErrorCode::idempotency_clash:
            return code::kValidation;
        case ErrorCode::unauthenticated:
            return code::kWrongKey;
        case ErrorCode::permission_denied:
            return code::kNotAllowed;
        case ErrorCode::not_found:
        case ErrorCode::gone:
            return code::kNoModel;
        case ErrorCode::quota_exceeded:
            return code::kRateLimit;
        case ErrorCode::unavailable:
            return code::kNoWorker;
        case ErrorCode::deadline_exceeded:
            return code::kWorkerTimeout;
        case ErrorCode::cancelled:
        case ErrorCode::engine_failed:
        case ErrorCode::internal:
            return code::kInternal;
    }
    return code::kInternal;
}

int number_of(const jobs::JobError& error) {
    if (error.code == "context_exceeded") return code::kContext;
    return number_of(error_code_from(error.code));
}

std::string_view message_of(const Error& error) {
    return error.code == ErrorCode::internal ? std::string_view("an internal error")
                                             : std::string_view(error.message);
}

http::Response api_error(int number, std::string_view message) {
    http::Response response(400, "application/json");
    response.body = "{\"object\":\"error\",\"message\":";
    append_json_string(response.body, message);
    response.body += ",\"code\":" + std::to_string(number) + '}';
    return response;
}

http::Response api_error(const Error& error) {
    if (error.code == ErrorCode::unauthenticated) {
        http::Response response(401, "application/json");
        response.body =
            R"({"detail":{"error":{"message":"","type":"invalid_request_error","param":null,)"
            R"("code":"invalid_api_key"}}})";
        response.headers.set("WWW-Authenticate", "Bearer");
        return response;
    }
    auto response = api_error(number_of(error.code), message_of(error));
    if (error.retry_after_s > 0) {
        response.headers.set("Retry-After", std::to_string(error.retry_after_s));
    }
    return response;
}

http::Response api_error(const jobs::JobError& error) {
    auto response = api_error(number_of(error), error.message);
    if (error.retry_after_s > 0) {
        response.headers.set("Retry-After", std::to_string(error.retry_after_s));
    }
    return response;
}

http::Response detail(int status, std::string_view message) {
    http::Response response(status, "application/json");
    response.body = "{\"detail\":";
    append_json_string(response.body, message);
    response.body += '}';
    return response;
}

std::string error_chunk(int number, std::string_view message) {
    std::string out = "{\"text\":";
    append_json_string(out, message);
    out += ",\"error_code\":" + std::to_string(number) + '}';
    out += '\0';
    return out;
}

}  // namespace headrace::protocols::fastchat
