#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "access/principal.hpp"
#include "access/refusal.hpp"
#include "http/exchange.hpp"

namespace headrace::protocols::openai {

/// A call of a language model, as far as it has come.
struct AskedModel {
    std::string_view operation;  // empty: it is no such call, or nobody hears of refusals
    std::string name;
    std::string capability;
    bool has_job = false;
};

/// What is known of a request from the gate on: the exchange's context.
struct Context {
    std::shared_ptr<const access::Principal> who;
    std::chrono::steady_clock::time_point begun;
    /// x-ratelimit-…, once a limit was asked; every later answer of the request carries them.
    mutable http::Headers limits;
    mutable AskedModel asked;
    const access::OnRefusal* refused = nullptr;  // the gate's; never null behind it
};

inline const Context& context_of(const http::Exchange& exchange) {
    return exchange.context_as<Context>();
}
inline const access::Principal& caller_of(const http::Exchange& exchange) {
    return *context_of(exchange).who;
}

/// From here on a refusal is told as one of a call of a language model.
void asks_model(const http::Exchange& exchange, std::string_view operation);
/// Tells of an error that a call is answered with, unless it has a job: that tells of it then.
void tell_refusal(const http::Exchange& exchange, const Error& error, int status);

/// Adds what every answer has: x-request-id, openai-version, openai-processing-ms, and the
/// caller's own id of the request.
void stamp(http::Response& response, const http::RequestHead& head, std::int64_t took_ms);
/// As above, with the time since the gate and the limits.
void stamp(http::Response& response, const http::Exchange& exchange);

}  // namespace headrace::protocols::openai
