#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "http/message.hpp"

namespace headrace::http {

namespace asio = boost::asio;

class Exchange;

/// Who a route is for; a door says which classes it serves.
enum class RouteClass : std::uint8_t { client, worker, admin, open };

/// The right a caller needs, opaque to http: the gate gives it a meaning.
enum class RightId : std::uint16_t {};

using Handler = std::function<asio::awaitable<void>(Exchange&)>;

/// One method on one pattern. There is no way to make one without a class and a right.
struct Route {
    Route(Method method_, std::string pattern_, RouteClass route_class_, RightId right_,
          Handler handler_, std::size_t body_limit_ = 0)
        : method(method_),
          pattern(std::move(pattern_)),
          route_class(route_class_),
          right(right_),
          handler(std::move(handler_)),
          body_limit(body_limit_) {}

    Method method;        // get also answers HEAD; OPTIONS is answered by the door
    std::string pattern;  // "/jobs/{id}/events" below the mount's prefix; "" is the prefix itself
    RouteClass route_class;
    RightId right;
    Handler handler;
    std::size_t body_limit;  // bytes; 0 = the door's default
};

/// Runs before the handler and before the body is read: nullopt lets the request through, an answer
/// ends it. May set Exchange::context. Synchronous, on the connection's loop.
using Gate = std::function<std::optional<Response>(Exchange&, const Route&)>;

/// The dialect's shape of an error; http asks it also for its own 400, 404, 405, 408, 413, 417,
/// 431, 500, 501 and 505 (Allow, Connection and Retry-After are added by http).
using RenderError = std::function<Response(const Error&, int status, const RequestHead&)>;

/// A dialect's routes at a place on a door.
struct Mount {
    std::string name;    // for messages: "native", "openai"
    std::string host;    // empty: any host
    std::string prefix;  // "/api/v1"; empty: the root
    std::vector<Route> routes;
    Gate gate;                 // empty: lets all through
    RenderError render_error;  // empty: plain text
};

}  // namespace headrace::http
