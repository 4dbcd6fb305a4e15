#include "protocols/openai/route_list.hpp"

#include <memory>

#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

asio::awaitable<void> serve(std::shared_ptr<const ReplyHandler> handler, http::Exchange& exchange) {
    Reply reply = co_await (*handler)(exchange);
    co_await answer(exchange, std::move(reply));
}

}  // namespace

void RouteList::add(http::Method method, std::string_view pattern, access::Right right,
                    http::Handler handler, std::size_t body_limit) {
    routes_.emplace_back(method, std::string(pattern), http::RouteClass::client,
                         http::RightId(static_cast<std::uint16_t>(right)), std::move(handler),
                         body_limit);
}

void RouteList::add_reply(http::Method method, std::string_view pattern, access::Right right,
                          ReplyHandler handler, std::size_t body_limit) {
    auto shared = std::make_shared<const ReplyHandler>(std::move(handler));
    add(
        method, pattern, right,
        [shared](http::Exchange& exchange) { return serve(shared, exchange); }, body_limit);
}

asio::awaitable<void> answer(http::Exchange& exchange, Reply reply) {
    if (reply && reply->status == 0) co_return;
    http::Response response;
    if (reply) {
        response = std::move(*reply);
    } else {
        const auto& error = reply.error();
        tell_refusal(exchange, error, status_of(error.code));
        response = error_response(error, status_of(error.code), exchange.head().path);
    }
    stamp(response, exchange);
    co_await exchange.respond(std::move(response));
}

http::Response json_response(std::string body) {
    return http::Response(200, "application/json", std::move(body));
}

}  // namespace headrace::protocols::openai
