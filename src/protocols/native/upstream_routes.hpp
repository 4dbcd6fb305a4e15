#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::protocols::native {

/// /upstreams: the servers that are dialled. A key goes in and never comes out.
class UpstreamRoutes {
  public:
    explicit UpstreamRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    using View = upstreams::UpstreamView;

    asio::awaitable<Reply> list(http::Exchange& exchange);
    asio::awaitable<Reply> add(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<Reply> change(http::Exchange& exchange);
    asio::awaitable<Reply> remove(http::Exchange& exchange);
    asio::awaitable<Reply> test(http::Exchange& exchange);

    asio::awaitable<Result<View>> find(TenantId tenant, std::string name);
    asio::awaitable<Result<View>> put(upstreams::UpstreamSpec spec, upstreams::Put how);
    /// The tenant that the query names, else the caller's.
    static Result<TenantId> tenant_of(const http::Exchange& exchange);

    Site& site_;
};

}  // namespace headrace::protocols::native
