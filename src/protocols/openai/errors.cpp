#include "protocols/openai/errors.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "base/log.hpp"

namespace headrace::protocols::openai {
namespace {

struct Wire {
    int status;
    std::string_view type;
    std::string_view code;  // empty: null
};

// No default: a new ErrorCode without a line here does not compile (-Wswitch, -Werror).
Wire wire_of(ErrorCode code) {
    constexpr std::string_view kRequest = "invalid_request_error";
    constexpr std::string_view kServer = "server_error";
    switch (code) {
        case ErrorCode::invalid_argument:
            return {400, kRequest, ""};
        case ErrorCode::unauthenticated:
            return {401, kRequest, "invalid_api_key"};
        case ErrorCode::permission_denied:
            return {403, "permission_error", ""};
        case ErrorCode::not_found:
        case ErrorCode::gone:
            return {404, kRequest, ""};
        case ErrorCode::conflict:
            return {409, kRequest, ""};
        case ErrorCode::idempotency_clash:
            return {422, kRequest, ""};
        case ErrorCode::quota_exceeded:
            return {429, "rate_limit_error", "rate_limit_exceeded"};
        case ErrorCode::too_large:
            return {413, kRequest, ""};
        case ErrorCode::unsupported_media:
            return {415, kRequest, ""};
        case ErrorCode::unavailable:
            return {503, kServer, code::kOverloaded};
        case ErrorCode::deadline_exceeded:
            return {504, kServer, "timeout"};
        case ErrorCode::cancelled:
            return {409, kServer, "cancelled"};
        case ErrorCode::engine_failed:
            return {502, kServer, "upstream_error"};
        case ErrorCode::internal:
            return {500, kServer, ""};
    }
    return {500, kServer, ""};
}

/// The code of a violated rule: this dialect's own words stay what they are.
std::string_view code_of_rule(std::string_view rule) {
    constexpr std::array kOurs{code::kMissing, code::kUnsupported, code::kInvalid,
                               code::kContext, code::kNoModel,     code::kModelNotAllowed,
                               code::kNoQuota, code::kNoWorker,    code::kOverloaded};
    if (const auto own = std::find(kOurs.begin(), kOurs.end(), rule); own != kOurs.end()) {
        return *own;
    }
    if (rule == "required") return code::kMissing;
    if (rule == "unknown_field") return code::kUnsupported;
    return rule.empty() ? std::string_view() : code::kInvalid;
}

/// "input.messages[0].role" is of our model of a job; the client knows "messages[0].role".
std::string_view param_of(std::string_view path) {
    for (const std::string_view root : {"input.", "body."}) {
        if (path.starts_with(root)) return path.substr(root.size());
    }
    return path;
}

void append_nullable(std::string& out, std::string_view name, std::string_view value) {
    out += ",\"";
    out += name;
    out += "\":";
    if (value.empty()) {
        out += "null";
    } else {
        append_json_string(out, value);
    }
}

/// What a status says that http chose itself (404, 405, 413, …).
std::string_view type_for(int status, const Wire& wire) {
    if (status == wire.status) return wire.type;
    return status < 500 ? std::string_view("invalid_request_error") : "server_error";
}

/// The first violation of a quota names the limit, not a field.
bool names_field(const Error& error) {
    if (error.violations.empty()) return false;
    return error.code != ErrorCode::quota_exceeded ||
           error.violations.front().rule == code::kNoQuota;
}

bool is_context_word(std::string_view word) {
    return word == "context_exceeded" || word == code::kContext;
}

}  // namespace

int status_of(ErrorCode code) {
    return wire_of(code).status;
}

std::string_view message_of(const Error& error) {
    if (error.code != ErrorCode::internal) return error.message;
    return "The server had an error while processing your request. Its log has it under the "
           "request id.";
}

std::string_view code_of(const Error& error, int status) {
    const Wire wire = wire_of(error.code);
    if (names_field(error)) {
        const auto own = code_of_rule(error.violations.front().rule);
        if (!own.empty()) return own;
    }
    return status == wire.status ? wire.code : std::string_view();
}

std::string error_body(const Error& error, int status) {
    const Wire wire = wire_of(error.code);
    std::string_view param;
    if (names_field(error)) param = param_of(error.violations.front().path);
    std::string out;
    out.reserve(128 + error.message.size());
    out += "{\"error\":{\"message\":";
    append_json_string(out, message_of(error));
    out += ",\"type\":";
    append_json_string(out, type_for(status, wire));
    append_nullable(out, "param", param);
    append_nullable(out, "code", code_of(error, status));
    out += "}}";
    return out;
}

http::Response error_response(const Error& error, int status, std::string_view path) {
    if (error.code == ErrorCode::internal) {
        log::error("request failed path={} error={}", path, error.message);
    }
    http::Response response(status, "application/json", error_body(error, status));
    if (status == 401) response.headers.set("WWW-Authenticate", "Bearer");
    if (status == 429 || status == 503 || error.retry_after_s > 0) {
        response.headers.set("Retry-After", std::to_string(std::max(1, error.retry_after_s)));
    }
    // What would fail the same way again: the SDK must not try.
    const bool spent = !error.violations.empty() && error.violations.front().rule == code::kNoQuota;
    if (spent || error.code == ErrorCode::cancelled) {
        response.headers.set("x-should-retry", "false");
    }
    return response;
}

std::string error_event(const Error& error) {
    return "data: " + error_body(error, status_of(error.code)) + "\n\n";
}

Error bad_field(std::string param, std::string_view code, std::string message) {
    return Error{ErrorCode::invalid_argument,
                 std::move(message),
                 {Violation{std::move(param), std::string(code), ""}},
                 0};
}

Error missing_field(std::string_view param) {
    return bad_field(std::string(param), code::kMissing,
                     "Missing required parameter: '" + std::string(param) + "'.");
}

Error unsupported_field(std::string_view param) {
    return bad_field(
        std::string(param), code::kUnsupported,
        "Unsupported parameter: '" + std::string(param) + "' is not supported with this model.");
}

Error invalid_input(Error error) {
    if (error.code != ErrorCode::invalid_argument || error.violations.empty()) return error;
    const auto& first = error.violations.front();
    const auto param = std::string(param_of(first.path));
    if (first.rule == "required") return missing_field(param);
    if (first.rule == "unknown_field") return unsupported_field(param);
    error.message = "Invalid value for '" + param + "': " + first.rule;
    if (!first.limit.empty()) error.message += ' ' + first.limit;
    error.message += '.';
    return error;
}

Error no_such_model(std::string_view model) {
    return Error{
        ErrorCode::not_found,
        "The model '" + std::string(model) + "' does not exist or you do not have access to it.",
        {Violation{"model", std::string(code::kNoModel), ""}},
        0};
}

Error job_failure(const jobs::JobRecord& job) {
    Error error;
    if (!job.error) return Error{ErrorCode::internal, "the job ended without a reason", {}, 0};
    const auto& why = *job.error;
    error.message = why.message.empty() ? why.code : why.message;
    error.retry_after_s = why.retry_after_s;
    if (is_context_word(why.code)) {
        error.code = ErrorCode::invalid_argument;
        error.violations.push_back({"messages", std::string(code::kContext), ""});
        return error;
    }
    error.code = error_code_from(why.code);
    // A word of the engine's own is no fault of this server.
    if (error.code == ErrorCode::internal && why.code != to_string(ErrorCode::internal)) {
        error.code = ErrorCode::engine_failed;
    }
    if (error.code == ErrorCode::unavailable) {
        error.violations.push_back({"", std::string(code::kNoWorker), ""});
    }
    return error;
}

}  // namespace headrace::protocols::openai
