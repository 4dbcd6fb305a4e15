#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// The two WebSockets: a session of a capability, and the worker link.
class SocketRoutes {
  public:
    explicit SocketRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<void> session(http::Exchange& exchange);
    asio::awaitable<void> link(http::Exchange& exchange);

    Site& site_;
};

/// traceparent for the job: the caller's span goes on as the parent, as this server reports no
/// spans.
std::string traceparent_of(const http::TraceIds& trace);

}  // namespace headrace::protocols::native
