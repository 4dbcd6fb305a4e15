#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "access/principal.hpp"
#include "base/clock.hpp"
#include "catalog/openapi.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"

namespace headrace::protocols::native {

namespace asio = boost::asio;

/// Answer of a handler that sends one whole answer; an error becomes a problem.
using Reply = Result<http::Response>;
using ReplyHandler = std::function<asio::awaitable<Reply>(http::Exchange&)>;

/// One route as the router, the gate and the OpenAPI document see it.
struct RouteSpec {
    http::Method method = http::Method::get;
    std::string_view pattern = {};  // below kPrefix
    http::RouteClass route_class = http::RouteClass::client;
    access::Right right = access::Right::read_job;
    std::string_view tag = {};
    std::string_view summary = {};
    std::string_view query = {};    // names, separated by spaces
    std::string_view headers = {};  // names, separated by spaces
    std::string_view request =
        {};            // component schema of a JSON body; "*" = raw bytes; empty = none
    int status = 200;  // of success
    std::string_view answer =
        {};  // component schema; "*" = raw bytes, "sse" = a stream; empty = no body
    std::string_view errors = {};  // statuses, separated by spaces, beside 401 and 403
    std::size_t body_limit = 0;    // bytes; 0 = the door's default
};

/// Gathers the routes of the dialect with their descriptions.
class RouteList {
  public:
    void add(const RouteSpec& spec, http::Handler handler);
    void add_reply(const RouteSpec& spec, ReplyHandler handler);

    [[nodiscard]] const std::vector<catalog::ApiRoute>& described() const { return described_; }
    [[nodiscard]] const std::vector<http::Route>& all() const { return routes_; }

  private:
    std::vector<http::Route> routes_;
    std::vector<catalog::ApiRoute> described_;
};

/// Who asks; set by the gate on every route that wants a key.
inline const access::Principal& caller_of(const http::Exchange& exchange) {
    return exchange.context_as<access::Principal>();
}

/// Answers with the problem of this error.
asio::awaitable<void> answer_error(http::Exchange& exchange, Error error);
/// Answers with the reply, whichever it is.
asio::awaitable<void> answer(http::Exchange& exchange, Reply reply);

/// 200 (or another status) with a JSON body.
http::Response json_response(std::string body, int status = 200);
http::Response no_content();

/// "http://host:port" as the client called us; empty when it sent no Host.
std::string origin_of(const http::Exchange& exchange);

/// invalid_argument naming the first query name that is not in `known` (separated by spaces), a
/// name given twice, or a broken query.
Result<void> check_query(const http::Exchange& exchange, std::string_view known);

/// The RFC 3339 time that the query gives under this name; 0 where it gives none.
Result<WallMs> time_query(const http::Exchange& exchange, std::string_view name);

}  // namespace headrace::protocols::native
