#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/native/parts.hpp"
#include "protocols/native/request_query.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// /requests: the request log of this server, searched. Who runs the server sees all of it, others
/// what is their tenant's.
class RequestRoutes {
  public:
    explicit RequestRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> search(http::Exchange& exchange);
    void append(std::string& out, const json::object& line) const;

    Site& site_;
};

}  // namespace headrace::protocols::native
