#include "protocols/native/route_list.hpp"

#include <algorithm>
#include <charconv>

#include "base/json.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::protocols::native {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

catalog::ApiRoute::Body body_of(std::string_view schema) {
    if (schema == "*") return {"application/octet-stream", ""};
    if (schema == "sse") return {"text/event-stream", ""};
    return {"application/json", std::string(schema)};
}

catalog::ApiRoute describe(const RouteSpec& spec) {
    catalog::ApiRoute route;
    route.method = http::to_string(spec.method);
    route.path = std::string(kPrefix) + std::string(spec.pattern);
    route.summary = spec.summary;
    route.tag = spec.tag;
    if (spec.right != access::Right::open) route.right = access::to_string(spec.right);
    for (const auto name : words_of(spec.query)) {
        const bool number = name == "wait" || name == "limit";
        route.parameters.push_back(
            {std::string(name), "query", number ? "integer" : "string", "", false});
    }
    for (const auto name : words_of(spec.headers)) {
        route.parameters.push_back({std::string(name), "header", "string", "", false});
    }
    for (const auto schema : words_of(spec.request)) route.request.push_back(body_of(schema));
    catalog::ApiRoute::Answer answer;
    answer.status = spec.status;
    answer.description = http::reason_phrase(spec.status);
    for (const auto schema : words_of(spec.answer)) answer.bodies.push_back(body_of(schema));
    route.answers.push_back(std::move(answer));
    if (spec.right != access::Right::open) route.errors = {401, 403};
    for (const auto word : words_of(spec.errors)) {
        int status = 0;
        std::from_chars(word.data(), word.data() + word.size(), status);
        route.errors.push_back(status);
    }
    return route;
}

asio::awaitable<void> serve(std::shared_ptr<const ReplyHandler> handler, http::Exchange& exchange) {
    Reply reply = co_await (*handler)(exchange);
    if (reply) {
        co_await exchange.respond(std::move(*reply));
    } else {
        co_await answer_error(exchange, std::move(reply).error());
    }
}

}  // namespace

void RouteList::add(const RouteSpec& spec, http::Handler handler) {
    described_.push_back(describe(spec));
    routes_.emplace_back(spec.method, std::string(spec.pattern), spec.route_class,
                         http::RightId(static_cast<std::uint16_t>(spec.right)), std::move(handler),
                         spec.body_limit);
}

void RouteList::add_reply(const RouteSpec& spec, ReplyHandler handler) {
    auto shared = std::make_shared<const ReplyHandler>(std::move(handler));
    add(spec, [shared](http::Exchange& exchange) { return serve(shared, exchange); });
}

asio::awaitable<void> answer_error(http::Exchange& exchange, Error error) {
    const int status = status_of(error.code);
    if ((status == 429 || status == 503) && error.retry_after_s < 1) error.retry_after_s = 1;
    co_await exchange.respond_error(std::move(error), status);
}

asio::awaitable<void> answer(http::Exchange& exchange, Reply reply) {
    if (!reply) {
        co_await answer_error(exchange, std::move(reply).error());
        co_return;
    }
    co_await exchange.respond(std::move(*reply));
}

http::Response json_response(std::string body, int status) {
    http::Response response;
    response.status = status;
    response.content_type = "application/json";
    response.body = std::move(body);
    return response;
}

http::Response no_content() {
    http::Response response;
    response.status = 204;
    return response;
}

std::string origin_of(const http::Exchange& exchange) {
    const auto host = exchange.header("Host");
    if (!host || host->empty()) return {};
    std::string origin = exchange.head().tls ? "https://" : "http://";
    origin += *host;
    return origin;
}

Result<void> check_query(const http::Exchange& exchange, std::string_view known) {
    const auto pairs = http::parse_query(exchange.head().query);
    if (!pairs) return fail(invalid("query", "format:query", "", "the query is not well formed"));
    const auto names = words_of(known);
    for (std::size_t i = 0; i < pairs->size(); ++i) {
        const auto& name = (*pairs)[i].first;
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            return fail(invalid("query", "unknown_field", std::string(known),
                                "the query has a name that this route does not know"));
        }
        const auto same = [&](const auto& pair) { return pair.first == name; };
        if (std::count_if(pairs->begin(), pairs->end(), same) > 1) {
            return fail(
                invalid("query." + name, "duplicate_key", "", "the query has the same name twice"));
        }
    }
    return {};
}

Result<WallMs> time_query(const http::Exchange& exchange, std::string_view name) {
    const auto text = exchange.query(name);
    if (!text) return 0;
    auto time = from_rfc3339(*text);
    if (!time) {
        return fail(
            invalid("query." + std::string(name), "format:time", "", "not an RFC 3339 time"));
    }
    return *time;
}

}  // namespace headrace::protocols::native
