#pragma once

#include <optional>

#include "access/refusal.hpp"
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
    /// Both outlive the gate.
    Gate(const access::KeyRing& keys, const access::OnRefusal& refused)
        : keys_(keys), refused_(refused) {}
    std::optional<http::Response> operator()(http::Exchange& exchange,
                                             const http::Route& route) const;

  private:
    const access::KeyRing& keys_;
    const access::OnRefusal& refused_;
};

}  // namespace headrace::protocols::openai
