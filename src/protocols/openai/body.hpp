#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "base/json.hpp"
#include "base/result.hpp"
#include "http/exchange.hpp"

namespace headrace::protocols::openai {

namespace asio = boost::asio;

/// A JSON body as it came, and as a tree.
struct Body {
    std::string text;
    json::object tree;
};
/// The tree of a body; the error is the one that OpenAI's clients know.
Result<json::object> parse_body(std::string_view text);
asio::awaitable<Result<Body>> read_json_body(http::Exchange& exchange, std::uint64_t limit);

/// A guess at the tokens of a body before any model has seen it: a quarter of its bytes.
constexpr std::uint64_t guessed_tokens(std::size_t bytes) {
    return bytes / 4 + 1;
}

}  // namespace headrace::protocols::openai
