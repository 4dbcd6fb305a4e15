#include "protocols/native/gate.hpp"

#include "access/keys.hpp"
#include "access/principal.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::protocols::native {
namespace {

http::Response refuse(const http::Exchange& exchange, const Error& error) {
    return problem(error, status_of(error.code), exchange.head());
}

}  // namespace

std::optional<http::Response> Gate::operator()(http::Exchange& exchange,
                                               const http::Route& route) const {
    const auto right = static_cast<access::Right>(route.right);
    if (right == access::Right::open) return std::nullopt;
    if (route.pattern == kContentPattern && exchange.query("token")) return std::nullopt;
    const auto header = exchange.header("Authorization");
    const auto key = header ? access::bearer_of(*header) : std::nullopt;
    if (!key) {
        return refuse(exchange, Error{ErrorCode::unauthenticated,
                                      "this route wants a key: Authorization: Bearer hr_…",
                                      {},
                                      0});
    }
    auto principal = keys_.authenticate(*key);
    if (!principal) return refuse(exchange, principal.error());
    if (auto allowed = access::authorize(**principal, right); !allowed) {
        return refuse(exchange, allowed.error());
    }
    exchange.context = std::move(*principal);
    return std::nullopt;
}

}  // namespace headrace::protocols::native
