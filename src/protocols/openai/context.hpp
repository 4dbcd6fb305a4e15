#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "access/principal.hpp"
#include "http/exchange.hpp"

namespace headrace::protocols::openai {

/// What is known of a request from the gate on: the exchange's context.
struct Context {
    std::shared_ptr<const access::Principal> who;
    std::chrono::steady_clock::time_point begun;
    /// x-ratelimit-…, once a limit was asked; every later answer of the request carries them.
    mutable http::Headers limits;
};

inline const Context& context_of(const http::Exchange& exchange) {
    return exchange.context_as<Context>();
}
inline const access::Principal& caller_of(const http::Exchange& exchange) {
    return *context_of(exchange).who;
}

/// Adds what every answer has: x-request-id, openai-version, openai-processing-ms, and the
/// caller's own id of the request.
void stamp(http::Response& response, const http::RequestHead& head, std::int64_t took_ms);
/// As above, with the time since the gate and the limits.
void stamp(http::Response& response, const http::Exchange& exchange);

}  // namespace headrace::protocols::openai
