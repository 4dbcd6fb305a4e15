#include "http/request_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/head_text.hpp"

namespace headrace::http {
namespace {

constexpr std::size_t kMaxFields = 200;

bool target_is_sound(std::string_view target) {
    return !target.empty() && std::all_of(target.begin(), target.end(),
                                          [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

Refusal broken_head() {
    return {400, "broken request head"};
}

}  // namespace

std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t& scanned) {
    const auto from = scanned < 3 ? 0 : scanned - 3;
    const auto at = bytes.find("\r\n\r\n", from);
    if (at == std::string_view::npos) {
        scanned = bytes.size();
        return std::nullopt;
    }
    scanned = 0;
    return at + 4;
}

/// `line` without its end: method, target and version, one space between them.
std::optional<Refusal> RequestParser::take_request_line(std::string_view line, RequestHead& out) {
    const auto method_end = run_of(kToken, line);
    if (method_end == 0 || method_end == line.size() || line[method_end] != ' ') {
        return broken_head();
    }
    method_ = line.substr(0, method_end);
    line.remove_prefix(method_end + 1);
    const auto target_end = line.find(' ');
    if (target_end == std::string_view::npos) return broken_head();
    out.target = line.substr(0, target_end);
    if (!target_is_sound(out.target)) return Refusal{400, "broken request target"};
    const auto version = line.substr(target_end + 1);
    const bool framed = version.size() == 8 && version.starts_with("HTTP/") &&
                        is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (!framed) return broken_head();
    // "HTTP/2.0" is a version we lack; anything else in that place is no version at all.
    if (version[5] != '1' || version[7] > '1') return Refusal{505, "HTTP/1.1 is spoken here"};
    version_ = version[7] == '1' ? 11 : 10;
    return std::nullopt;
}

/// `lines` end with the head's blank line. A bare CR or LF, a NUL and a line that continues the one
/// before are in no name and no value, so none gets through.
std::optional<Refusal> RequestParser::take_fields(std::string_view lines, RequestHead& out) {
    while (!lines.starts_with("\r\n")) {
        const auto colon = run_of(kToken, lines);
        if (colon == 0 || colon == lines.size() || lines[colon] != ':') return broken_head();
        const auto name = lines.substr(0, colon);
        lines.remove_prefix(colon + 1);
        const auto end = run_of_value(lines);
        if (!lines.substr(end).starts_with("\r\n")) return broken_head();
        const auto value = trim(lines.substr(0, end));
        lines.remove_prefix(end + 2);
        if (out.headers.fields().size() == kMaxFields) {
            return Refusal{431, "too many header fields"};
        }
        out.headers.add(name, value);
        if (auto refusal = look_at(name, value)) return refusal;
    }
    // What follows the blank line is not the head's.
    return lines.size() == 2 ? std::nullopt : std::optional(broken_head());
}

/// Notes what decides about the connection and the body.
std::optional<Refusal> RequestParser::look_at(std::string_view name, std::string_view value) {
    switch (name.size()) {
        case 4:
            if (equal_without_case(name, "host")) ++hosts_;
            break;
        case 6:
            if (!equal_without_case(name, "expect")) break;
            ++expectations_;
            expectation_ = value;
            break;
        case 10:
            if (equal_without_case(name, "connection") && !take_connection(value)) {
                return broken_head();
            }
            break;
        case 14:
            if (!equal_without_case(name, "content-length")) break;
            ++lengths_;
            if (value.find(',') != std::string_view::npos) {
                listed_length_ = true;
            } else if (!take_length(value)) {
                return Refusal{400, "contradictory or broken body length"};
            }
            break;
        case 17:
            if (!equal_without_case(name, "transfer-encoding")) break;
            ++codings_;
            coding_ = value;
            break;
        default:
            break;
    }
    return std::nullopt;
}

bool RequestParser::take_connection(std::string_view value) {
    while (!value.empty()) {
        const auto end = std::min(value.find(','), value.size());
        const auto option = trim(value.substr(0, end));
        value.remove_prefix(std::min(end + 1, value.size()));
        if (run_of(kToken, option) != option.size()) return false;
        says_close_ = says_close_ || equal_without_case(option, "close");
        says_keep_alive_ = says_keep_alive_ || equal_without_case(option, "keep-alive");
        says_upgrade_ = says_upgrade_ || equal_without_case(option, "upgrade");
    }
    return true;
}

bool RequestParser::take_length(std::string_view value) {
    const auto* end = value.data() + value.size();
    if (value.empty() || !is_digit(value.front())) return false;
    const auto read = std::from_chars(value.data(), end, length_);
    return read.ec == std::errc{} && read.ptr == end;
}

std::optional<Refusal> RequestParser::check_framing() const {
    if (codings_ > 0 && version_ == 10) return Refusal{400, "no transfer coding in HTTP/1.0"};
    if (codings_ > 0 && lengths_ > 0) {
        return Refusal{400, "both Content-Length and Transfer-Encoding"};
    }
    if (codings_ > 1) return Refusal{400, "more than one Transfer-Encoding"};
    if (codings_ == 1 && !equal_without_case(coding_, "chunked")) {
        return Refusal{501, "the only transfer coding here is chunked"};
    }
    if (lengths_ > 1 || listed_length_) return Refusal{400, "more than one Content-Length"};
    if (hosts_ > 1) return Refusal{400, "more than one Host"};
    if (hosts_ == 0 && version_ == 11) return Refusal{400, "no Host"};
    if (expectations_ > 0 &&
        (expectations_ > 1 || !equal_without_case(expectation_, "100-continue"))) {
        return Refusal{417, "the only expectation here is 100-continue"};
    }
    return std::nullopt;
}

namespace {

std::optional<Refusal> fill_target(RequestHead& out, bool has_host_header) {
    auto rest = out.target;
    std::string_view authority;
    if (has_host_header) authority = out.headers.find("host").value_or("");
    if (const auto scheme = rest.find("://");
        rest.front() != '/' && scheme != std::string_view::npos) {
        // Absolute form (RFC 9112 §3.2.2): its authority wins over Host.
        const auto name = rest.substr(0, scheme);
        if (!equal_without_case(name, "http") && !equal_without_case(name, "https")) {
            return Refusal{400, "broken request target"};
        }
        rest.remove_prefix(scheme + 3);
        const auto end = std::min(rest.find_first_of("/?"), rest.size());
        authority = rest.substr(0, end);
        rest.remove_prefix(end);
        if (authority.empty()) return Refusal{400, "broken request target"};
        if (rest.empty() || rest.front() == '?') out.path = "/";
    } else if (rest.front() != '/' && !(rest == "*" && out.method == Method::options)) {
        return Refusal{400, "broken request target"};
    }
    const auto mark = std::min(rest.find('?'), rest.size());
    if (mark > 0) out.path = rest.substr(0, mark);
    out.query = rest.substr(std::min(mark + 1, rest.size()));
    const auto host = split_host(authority);
    if (!host) return Refusal{400, "broken Host"};
    out.host = host->host;
    if (out.query.find('%') != std::string_view::npos && !percent_decode(out.query)) {
        return Refusal{400, "broken percent escape in the query"};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> RequestParser::parse_head(std::string_view head, RequestHead& out) {
    *this = {};
    out.headers.clear();
    const auto line_end = head.find("\r\n");
    if (line_end == std::string_view::npos) return broken_head();
    if (auto refusal = take_request_line(head.substr(0, line_end), out)) return refusal;
    if (auto refusal = take_fields(head.substr(line_end + 2), out)) return refusal;
    if (auto refusal = check_framing()) return refusal;
    const auto method = parse_method(method_);
    if (!method) return Refusal{501, "this method is not implemented"};
    out.method = *method;
    if (auto refusal = fill_target(out, hosts_ > 0)) return refusal;
    take_trace(out.headers.find("traceparent"), out.trace);
    return std::nullopt;
}

}  // namespace headrace::http
