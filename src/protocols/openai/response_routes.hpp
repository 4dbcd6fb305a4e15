#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/openai/body.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/response_answer.hpp"
#include "protocols/openai/response_request.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// /responses and below. A response is kept as a document once it is done, a background one as a
/// document that names its durable job.
class ResponseRoutes {
  public:
    explicit ResponseRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    struct Kept;
    struct Order;
    asio::awaitable<void> create(http::Exchange& exchange);
    asio::awaitable<Result<Order>> read_order(http::Exchange& exchange, const Body& body);
    asio::awaitable<Reply> answer_now(http::Exchange& exchange, ModelCall& call, Order order);
    asio::awaitable<Reply> in_background(http::Exchange& exchange, ModelCall& call, Order order);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<Reply> cancel(http::Exchange& exchange);
    asio::awaitable<Reply> remove(http::Exchange& exchange);
    asio::awaitable<Reply> input_items(http::Exchange& exchange);
    asio::awaitable<Result<Kept>> find(const http::Exchange& exchange, std::string id);
    asio::awaitable<Result<std::string>> object_of(const http::Exchange& exchange,
                                                   const Kept& kept);

    Site& site_;
};

}  // namespace headrace::protocols::openai
