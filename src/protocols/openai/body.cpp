#include "protocols/openai/body.hpp"

#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {

Result<json::object> parse_body(std::string_view text) {
    auto tree = parse_json_object(text);
    if (tree) return tree;
    return fail(ErrorCode::invalid_argument,
                "We could not parse the JSON body of your request: " + tree.error().message + ".");
}

asio::awaitable<Result<Body>> read_json_body(http::Exchange& exchange, std::uint64_t limit) {
    auto text = co_await exchange.read_body(limit);
    if (!text) co_return fail(std::move(text).error());
    auto tree = parse_body(*text);
    if (!tree) co_return fail(std::move(tree).error());
    co_return Body{std::move(*text), std::move(*tree)};
}

}  // namespace headrace::protocols::openai
