#include "protocols/native/session_cookie.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace headrace::protocols::native {

std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name) {
    while (!header.empty()) {
        auto pair = header.substr(0, header.find(';'));
        header.remove_prefix(std::min(pair.size() + 1, header.size()));
        while (pair.starts_with(' ')) pair.remove_prefix(1);
        while (pair.ends_with(' ')) pair.remove_suffix(1);
        if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name)) {
            return pair.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> session_cookie(const http::Exchange& exchange) {
    const auto header = exchange.header("Cookie");
    return header ? cookie_value(*header, kSessionCookie) : std::nullopt;
}

std::string set_session_cookie(std::string_view token, std::int64_t seconds, bool tls) {
    return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", kSessionCookie,
                       token, std::max<std::int64_t>(seconds, 0), tls ? "; Secure" : "");
}

bool is_origin_of(std::string_view origin, std::string_view host) {
    const auto scheme = origin.find("://");
    if (scheme == std::string_view::npos || host.empty()) return false;
    return http::equal_without_case(origin.substr(scheme + 3), host);
}

bool same_origin(const http::Exchange& exchange, bool required) {
    const auto origin = exchange.header("Origin");
    if (!origin) return !required;
    return is_origin_of(*origin, exchange.header("Host").value_or(""));
}

}  // namespace headrace::protocols::native
