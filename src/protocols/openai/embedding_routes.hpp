#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/openai/body.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// POST /embeddings, and POST /rerank in the shape of Jina and Cohere.
class EmbeddingRoutes {
  public:
    explicit EmbeddingRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> embed(http::Exchange& exchange);
    asio::awaitable<Reply> embed_by_jobs(http::Exchange& exchange, ModelCall& call,
                                         const json::object& body);
    asio::awaitable<Reply> rerank(http::Exchange& exchange);
    asio::awaitable<Reply> rerank_by_jobs(http::Exchange& exchange, ModelCall& call,
                                          const json::object& body);

    Site& site_;
};

}  // namespace headrace::protocols::openai
