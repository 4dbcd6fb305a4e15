#pragma once

#include <optional>

#include "access/secrets.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"

namespace headrace::access {
class KeyRing;
}

namespace headrace::protocols::native {

/// Who may pass: proves the key of `Authorization: Bearer`, then holds the route's right against
/// its role. Leaves the access::Principal as the exchange's context, so nothing is copied per
/// request.
///
/// Two kinds of routes pass without a key and with a null context: those with Right::open, and the
/// content of a file when the query carries a `token`, which the handler then verifies.
class Gate {
  public:
    explicit Gate(const access::KeyRing& keys) : keys_(keys) {}
    std::optional<http::Response> operator()(http::Exchange& exchange,
                                             const http::Route& route) const;

  private:
    const access::KeyRing& keys_;
};

/// The pattern whose GET and PUT take a signed token in place of a key.
inline constexpr std::string_view kContentPattern = "/files/{id}/content";

}  // namespace headrace::protocols::native
