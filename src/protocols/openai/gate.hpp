#pragma once

#include <optional>

#include "http/exchange.hpp"
#include "http/route.hpp"

namespace headrace::access {
class KeyRing;
}

namespace headrace::protocols::openai {

/// Proves the key of `Authorization: Bearer`, then holds the route's right against its role.
/// Leaves a Context with the exchange; every route wants a key.
class Gate {
  public:
    explicit Gate(const access::KeyRing& keys) : keys_(keys) {}
    std::optional<http::Response> operator()(http::Exchange& exchange,
                                             const http::Route& route) const;

  private:
    const access::KeyRing& keys_;
};

}  // namespace headrace::protocols::openai
