#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace headrace::upstreams {

/// Whose doing it is that a call came to nothing: what its pool makes of it.
enum class Fault : std::uint8_t {
    request,      // the caller's, or a limit of ours: another server would fare no better
    model,        // this server does not have what was asked for (404): another may
    busy,         // 429, 503: leave it alone for retry_after_s, try another
    credentials,  // 401, 403: it does not take our key; its circuit opens, try another
    server,       // refused, reset, silent, garbage, 5xx: counts against it, try another
    cancelled,    // dropped by us
};
std::string_view to_string(Fault fault);

/// Why a call failed. The message is for the caller: no key, no payload, no address of a server.
struct CallError {
    Fault fault = Fault::server;
    std::string code = "unavailable";  // an ErrorCode word, or an error of the interface
    std::string message;
    int retry_after_s = 0;  // 0 = not said
    std::string detail;     // more, for operators alone: no key, no payload
};

template <class T>
using CallResult = tl::expected<T, CallError>;

[[nodiscard]] inline tl::unexpected<CallError> call_failed(Fault fault, std::string code,
                                                           std::string message,
                                                           int retry_after_s = 0) {
    return tl::unexpected<CallError>(
        CallError{fault, std::move(code), std::move(message), retry_after_s, {}});
}
[[nodiscard]] inline tl::unexpected<CallError> call_failed(CallError error) {
    return tl::unexpected<CallError>(std::move(error));
}

}  // namespace headrace::upstreams
