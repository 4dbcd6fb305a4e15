#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "catalog/catalog.hpp"
#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// /capabilities and the OpenAPI documents.
class CatalogRoutes {
  public:
    explicit CatalogRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);
    /// Keeps what the document says of the routes; call when every route is in the list.
    void describe(const RouteList& routes);

  private:
    asio::awaitable<Reply> list(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<Reply> version_document(http::Exchange& exchange);
    asio::awaitable<Reply> document(http::Exchange& exchange);

    Site& site_;
    std::vector<catalog::ApiRoute> routes_;
};

}  // namespace headrace::protocols::native
