#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "access/principal.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"

namespace headrace::protocols::openai {

namespace asio = boost::asio;

/// Answer of a handler that sends one whole answer.
using Reply = Result<http::Response>;
using ReplyHandler = std::function<asio::awaitable<Reply>(http::Exchange&)>;

/// Gathers the dialect's routes; all are of the class client.
class RouteList {
  public:
    void add(http::Method method, std::string_view pattern, access::Right right,
             http::Handler handler, std::size_t body_limit = 0);
    /// The handler's answer, or its error in the dialect's shape.
    void add_reply(http::Method method, std::string_view pattern, access::Right right,
                   ReplyHandler handler, std::size_t body_limit = 0);
    [[nodiscard]] const std::vector<http::Route>& all() const { return routes_; }

  private:
    std::vector<http::Route> routes_;
};

/// What a handler returns that has streamed its answer already.
inline http::Response sent_already() {
    return http::Response(0);
}

/// Sends the reply, whichever it is, with the headers that every answer has.
asio::awaitable<void> answer(http::Exchange& exchange, Reply reply);

/// 200 with a JSON body.
http::Response json_response(std::string body);

}  // namespace headrace::protocols::openai
