#include "protocols/openai/gate.hpp"

#include "access/keys.hpp"
#include "access/principal.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

http::Response refuse(const http::Exchange& exchange, const Error& error) {
    auto response = error_response(error, status_of(error.code), exchange.head().path);
    stamp(response, exchange.head(), 0);
    return response;
}

Error no_key() {
    return Error{ErrorCode::unauthenticated,
                 "You didn't provide an API key. Send it as the header Authorization: Bearer "
                 "YOUR_KEY.",
                 {},
                 0};
}

}  // namespace

std::optional<http::Response> Gate::operator()(http::Exchange& exchange,
                                               const http::Route& route) const {
    auto context = std::make_shared<Context>();
    context->begun = std::chrono::steady_clock::now();
    const auto header = exchange.header("Authorization");
    const auto key = header ? access::bearer_of(*header) : std::nullopt;
    if (!key) return refuse(exchange, no_key());
    auto principal = keys_.authenticate(*key, exchange.head().peer);
    if (!principal) return refuse(exchange, principal.error());
    const auto right = static_cast<access::Right>(route.right);
    if (auto allowed = access::authorize(**principal, right); !allowed) {
        return refuse(exchange, allowed.error());
    }
    context->who = std::move(*principal);
    context->refused = &refused_;
    exchange.context = std::move(context);
    return std::nullopt;
}

}  // namespace headrace::protocols::openai
