#include "protocols/native/errors.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/json.hpp"
#include "base/log.hpp"

namespace headrace::protocols::native {
namespace {

struct Wire {
    int status;
    std::string_view word;
};

// No default: a new ErrorCode without a line here does not compile (-Wswitch, -Werror).
Wire wire_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return {400, "invalid_argument"};
        case ErrorCode::unauthenticated:
            return {401, "unauthenticated"};
        case ErrorCode::permission_denied:
            return {403, "permission_denied"};
        case ErrorCode::not_found:
            return {404, "not_found"};
        case ErrorCode::conflict:
            return {409, "conflict"};
        case ErrorCode::gone:
            return {410, "not_found"};
        case ErrorCode::idempotency_clash:
            return {422, "conflict"};
        case ErrorCode::quota_exceeded:
            return {429, "quota_exceeded"};
        case ErrorCode::too_large:
            return {413, "too_large"};
        case ErrorCode::unsupported_media:
            return {415, "invalid_argument"};
        case ErrorCode::unavailable:
            return {503, "unavailable"};
        case ErrorCode::deadline_exceeded:
            return {504, "deadline_exceeded"};
        case ErrorCode::cancelled:
            return {409, "cancelled"};
        case ErrorCode::engine_failed:
            return {502, "engine_failed"};
        case ErrorCode::internal:
            return {500, "internal"};
    }
    return {500, "internal"};
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
    out += ",\"";
    out += name;
    out += "\":";
    append_json_string(out, value);
}

void append_violations(std::string& out, const std::vector<Violation>& violations) {
    out += ",\"errors\":[";
    for (const auto& violation : violations) {
        if (out.back() != '[') out += ',';
        out += "{\"path\":";
        append_json_string(out, violation.path);
        append_member(out, "rule", violation.rule);
        if (!violation.limit.empty()) append_member(out, "limit", violation.limit);
        out += '}';
    }
    out += ']';
}

/// The word that fits a status which http chose itself (405, 408, 431, …).
std::string_view word_for(ErrorCode code, int status) {
    const Wire wire = wire_of(code);
    if (wire.status == status) return wire.word;
    switch (status) {
        case 400:
        case 405:
        case 415:
        case 417:
            return "invalid_argument";
        case 408:
            return "deadline_exceeded";
        case 413:
        case 414:
        case 431:
            return "too_large";
        default:
            return wire.word;
    }
}

/// What http refuses before it has read the head belongs to no trace yet.
std::string trace_of(const http::RequestHead& head) {
    const auto trace = head.trace.trace_id();
    return trace.front() != '\0' ? std::string(trace) : to_hex(random_bytes(trace.size() / 2));
}

}  // namespace

int status_of(ErrorCode code) {
    return wire_of(code).status;
}

std::string_view wire_word(ErrorCode code) {
    return wire_of(code).word;
}

http::Response problem(const Error& error, int status, const http::RequestHead& head) {
    const auto word = word_for(error.code, status);
    http::Response response;
    response.status = status;
    response.content_type = "application/problem+json";
    std::string_view detail = error.message;
    if (status >= 500 && status != 503 && error.code == ErrorCode::internal) {
        log::error("request failed path={} trace={} error={}", head.path, head.trace.trace_id(),
                   error.message);
        detail = "an internal error; the server's log has it under the trace id";
    }
    std::string& out = response.body;
    out.reserve(320 + detail.size());
    out += "{\"type\":\"urn:headrace:error:";
    out += word;
    out += '"';
    append_member(out, "title", http::reason_phrase(status));
    out += ",\"status\":";
    out += std::to_string(status);
    append_member(out, "detail", detail);
    append_member(out, "code", word);
    append_member(out, "instance", head.path);
    append_member(out, "trace_id", trace_of(head));
    if (!error.violations.empty()) {
        append_violations(out, error.violations);
    } else if (status == 400) {
        append_violations(out, {Violation{"", "request", ""}});
    }
    out += '}';
    if (status == 401) response.headers.set("WWW-Authenticate", "Bearer");
    if (status == 429 || status == 503) {
        response.headers.set("Retry-After", std::to_string(std::max(1, error.retry_after_s)));
    }
    return response;
}

Error invalid(std::string path, std::string rule, std::string limit, std::string message) {
    return Error{ErrorCode::invalid_argument,
                 std::move(message),
                 {Violation{std::move(path), std::move(rule), std::move(limit)}},
                 0};
}

}  // namespace headrace::protocols::native
