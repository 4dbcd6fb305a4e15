#pragma once

#include <cstddef>

#include <boost/asio/awaitable.hpp>

#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"
#include "protocols/native/status_json.hpp"

namespace headrace::protocols::native {

/// What the console looks at: the state of the server, its last hour, changes as they come, and
/// the timeline of a job.
class StatusRoutes {
  public:
    explicit StatusRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> status(http::Exchange& exchange);
    asio::awaitable<Reply> series(http::Exchange& exchange);
    asio::awaitable<void> events(http::Exchange& exchange);
    asio::awaitable<Reply> timeline(http::Exchange& exchange);

    // status_events.cpp
    asio::awaitable<void> pump(http::Exchange& exchange, std::uint64_t reader);
    asio::awaitable<std::string> next_events(const access::Principal& who, std::uint64_t reader,
                                             bool with_sample);
    [[nodiscard]] bool still_signed_in(const http::Exchange& exchange) const;

    Site& site_;
};

}  // namespace headrace::protocols::native
