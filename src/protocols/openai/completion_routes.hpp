#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/openai/body.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// POST /completions: text from prompts. A model that takes no raw prompt is given each as a user's
/// message.
class CompletionRoutes {
  public:
    explicit CompletionRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<void> create(http::Exchange& exchange);
    asio::awaitable<Reply> canonical(http::Exchange& exchange, ModelCall& call, ChatHead head,
                                     json::object body);

    Site& site_;
};

}  // namespace headrace::protocols::openai
