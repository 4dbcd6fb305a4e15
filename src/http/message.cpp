#include "http/message.hpp"

#include <algorithm>

#include "base/byte_words.hpp"

namespace headrace::http {
namespace {

constexpr std::string_view kMethodNames[] = {"GET",   "HEAD",   "POST",   "PUT",
                                             "PATCH", "DELETE", "OPTIONS"};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

template <class Fields>
std::optional<std::string_view> find_in(const Fields& fields, std::string_view name) {
    for (const auto& field : fields) {
        if (field.name.size() == name.size() && equal_without_case(field.name, name)) {
            return std::string_view(field.value);
        }
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Method method) {
    return kMethodNames[static_cast<std::size_t>(method)];
}

std::optional<Method> parse_method(std::string_view word) {
    for (std::size_t i = 0; i < std::size(kMethodNames); ++i) {
        if (kMethodNames[i] == word) return static_cast<Method>(i);
    }
    return std::nullopt;
}

bool equal_without_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    std::size_t at = 0;
    for (; a.size() - at >= byte_words::kBytes; at += byte_words::kBytes) {
        const auto x = byte_words::load(a.data() + at);
        const auto y = byte_words::load(b.data() + at);
        if (x != y && byte_words::lower(x) != byte_words::lower(y)) return false;
    }
    for (; at < a.size(); ++at) {
        if (lower(a[at]) != lower(b[at])) return false;
    }
    return true;
}

void Headers::add(std::string name, std::string value) {
    if (fields_.empty()) fields_.reserve(8);
    fields_.push_back({std::move(name), std::move(value)});
}

void Headers::set(std::string name, std::string value) {
    std::erase_if(fields_, [&](const Field& f) { return equal_without_case(f.name, name); });
    add(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
    return find_in(fields_, name);
}

std::optional<std::string_view> HeaderView::find(std::string_view name) const {
    return find_in(fields_, name);
}

std::string TraceIds::traceparent(std::string_view span) const {
    std::string text = "00-";
    text.append(trace_id()).append("-").append(span).append(sampled ? "-01" : "-00");
    return text;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 422:
            return "Unprocessable Content";
        case 424:
            return "Failed Dependency";
        case 425:
            return "Too Early";
        case 426:
            return "Upgrade Required";
        case 428:
            return "Precondition Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 499:
            return "Client Closed Request";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "Unknown";
    }
}

}  // namespace headrace::http
