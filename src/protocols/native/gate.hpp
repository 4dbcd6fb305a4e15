#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "access/secrets.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"

namespace headrace::access {
class KeyRing;
struct Principal;
class Sessions;
}  // namespace headrace::access

namespace headrace::protocols::native {

/// Who may pass: proves the key of `Authorization: Bearer`, then holds the route's right against
/// its role. Leaves the access::Principal as the exchange's context, so nothing is copied per
/// request.
///
/// On the control door the cookie of a console session is as good as the key it was opened with,
/// and also opens the routes of callers, which no key opens there. A request by cookie that may
/// change something carries the session's CSRF token; a WebSocket carries our own Origin.
///
/// Two kinds of routes pass without a key and with a null context: those with Right::open, and the
/// content of a file when the query carries a `token`, which the handler then verifies.
class Gate {
  public:
    /// `sessions`: null on doors that know no console.
    Gate(const access::KeyRing& keys, access::Sessions* sessions)
        : keys_(keys), sessions_(sessions) {}
    std::optional<http::Response> operator()(http::Exchange& exchange,
                                             const http::Route& route) const;

  private:
    using Who = std::shared_ptr<const access::Principal>;
    [[nodiscard]] Result<Who> by_key(const http::Exchange& exchange) const;
    [[nodiscard]] Result<Who> by_cookie(const http::Exchange& exchange,
                                        std::string_view cookie) const;
    [[nodiscard]] Result<Who> who(const http::Exchange& exchange, const http::Route& route) const;

    const access::KeyRing& keys_;
    access::Sessions* sessions_;
};

/// The pattern whose GET and PUT take a signed token in place of a key.
inline constexpr std::string_view kContentPattern = "/files/{id}/content";

}  // namespace headrace::protocols::native
