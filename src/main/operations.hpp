#pragma once

#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/keys.hpp"
#include "http/route.hpp"

namespace headrace::main {

namespace asio = boost::asio;

/// /healthz and /readyz of every door, and /metrics of the control door, whose root leads to the
/// console; in plain text.
class Operations {
  public:
    struct Parts {
        const access::KeyRing& keys;
        /// Empty when ready, else the reason. Any loop.
        std::function<std::string()> not_ready;
        /// The text of /metrics. Any loop.
        std::function<asio::awaitable<std::string>()> metrics;
    };
    explicit Operations(Parts parts) : parts_(std::move(parts)) {}

    /// This object outlives the door of the mount.
    http::Mount mount(bool control);

  private:
    asio::awaitable<void> healthz(http::Exchange& exchange);
    asio::awaitable<void> readyz(http::Exchange& exchange);
    asio::awaitable<void> home(http::Exchange& exchange);
    asio::awaitable<void> metrics(http::Exchange& exchange);
    std::optional<http::Response> gate(http::Exchange& exchange, const http::Route& route) const;

    Parts parts_;
};

}  // namespace headrace::main
