#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/openai/batch_runner.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// /batches and below.
class BatchRoutes {
  public:
    BatchRoutes(Site& site, BatchRunner& runner) : site_(site), runner_(runner) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> create(http::Exchange& exchange);
    asio::awaitable<Reply> list(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<Reply> cancel(http::Exchange& exchange);
    asio::awaitable<Result<std::string>> object_of(TenantId tenant, Uuid id, BatchFacts facts);

    Site& site_;
    BatchRunner& runner_;
};

}  // namespace headrace::protocols::openai
