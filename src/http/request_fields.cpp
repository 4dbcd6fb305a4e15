// The parts of a request head that need no parser of Beast's.
#include <random>

#include "http/request_parser.hpp"

namespace headrace::http {
namespace {

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_zero(std::string_view text) {
    return text.find_first_not_of('0') == std::string_view::npos;
}

void random_hex(std::array<char, 32>& out) {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t i = 0; i < out.size(); i += 16) {
        auto bits = generator();
        for (std::size_t j = 0; j < 16; ++j, bits >>= 4) out[i + j] = kDigits[bits & 15];
    }
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '%' || c == '!' || c == '$' || c == '&' ||
           c == '\'' || c == '(' || c == ')' || c == '*' || c == '+' || c == ',' || c == ';' ||
           c == '=';
}

}  // namespace

std::optional<HostPort> split_host(std::string_view authority) {
    HostPort parts;
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        parts.host = authority.substr(1, end - 1);
        if (parts.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
            return std::nullopt;
        }
        authority.remove_prefix(end + 1);
    } else {
        const auto end = std::min(authority.find(':'), authority.size());
        parts.host = authority.substr(0, end);
        for (const char c : parts.host) {
            if (!is_host_character(c)) return std::nullopt;
        }
        authority.remove_prefix(end);
    }
    if (authority.empty()) return parts;
    parts.port = authority.substr(1);
    if (authority.front() != ':' || parts.port.size() > 5 ||
        parts.port.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    return parts;
}

void take_trace(std::optional<std::string_view> traceparent, TraceIds& ids) {
    // W3C Trace Context §3.2: 00-<32 hex>-<16 hex>-<2 hex>; later versions may go on behind a dash.
    if (traceparent && traceparent->size() >= 55) {
        const auto text = *traceparent;
        const auto version = text.substr(0, 2);
        const auto trace = text.substr(3, 32);
        const auto parent = text.substr(36, 16);
        const auto flags = text.substr(53, 2);
        const bool framed = text[2] == '-' && text[35] == '-' && text[52] == '-' &&
                            (text.size() == 55 || (version != "00" && text[55] == '-'));
        if (framed && is_hex(version) && version != "ff" && is_hex(trace) && is_hex(parent) &&
            is_hex(flags) && !is_zero(trace) && !is_zero(parent)) {
            trace.copy(ids.trace.data(), ids.trace.size());
            parent.copy(ids.parent.data(), ids.parent.size());
            const char low = flags[1];
            const int digit = low <= '9' ? low - '0' : low - 'a' + 10;
            ids.sampled = (digit & 1) != 0;
            return;
        }
    }
    random_hex(ids.trace);
    ids.parent.fill('0');
    ids.sampled = true;
}

}  // namespace headrace::http
