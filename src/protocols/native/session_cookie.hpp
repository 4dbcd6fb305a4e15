#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/exchange.hpp"

/// The browser's side of a console session.
namespace headrace::protocols::native {

inline constexpr std::string_view kSessionCookie = "headrace_session";
inline constexpr std::string_view kCsrfHeader = "X-CSRF-Token";

/// The value of a cookie in a `Cookie` header.
std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name);
/// The session cookie of this request.
std::optional<std::string_view> session_cookie(const http::Exchange& exchange);
/// The `Set-Cookie` that keeps the session; with an empty token the one that ends it.
std::string set_session_cookie(std::string_view token, std::int64_t seconds, bool tls);

/// False when a page of another origin sent the request. A request without `Origin` was not made
/// by a page's script and passes, unless `required`.
bool same_origin(const http::Exchange& exchange, bool required);
/// Whether `origin` names the authority in `host`; schemes apart, which a proxy may change.
bool is_origin_of(std::string_view origin, std::string_view host);

}  // namespace headrace::protocols::native
