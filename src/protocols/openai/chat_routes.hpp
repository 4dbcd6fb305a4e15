#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/openai/body.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// POST /chat/completions.
class ChatRoutes {
  public:
    explicit ChatRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<void> create(http::Exchange& exchange);
    asio::awaitable<Reply> reply_to(http::Exchange& exchange, std::string text);
    asio::awaitable<Reply> canonical(http::Exchange& exchange, ModelCall& call, ChatHead head,
                                     Body body);

    Site& site_;
};

/// Passes a whole request of this dialect to a model that takes it, and its answer back.
asio::awaitable<Reply> pass_verbatim(Site& site, http::Exchange& exchange, ModelCall& call,
                                     bool stream, std::string body, std::string_view operation);
}  // namespace headrace::protocols::openai
