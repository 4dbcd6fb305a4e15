#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/openai/parts.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// GET /models and /models/{id}: the capabilities that have a profile, by their model ids.
class ModelRoutes {
  public:
    explicit ModelRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> list(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);

    Site& site_;
};

}  // namespace headrace::protocols::openai
