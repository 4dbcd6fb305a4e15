#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

/// From the body of POST /responses to a chat. Pure.
namespace headrace::protocols::openai {

struct ResponseRequest {
    std::string model;
    bool stream = false;
    bool background = false;
    bool store = true;
    bool logprobs = false;
    std::string previous;  // previous_response_id, or empty
    std::string instructions;
    json::array items;  // the input, each with type and id
    json::object chat;  // the fields of a chat body that are asked for, without its messages
    /// Members of the response that repeat the request: `,"instructions":…,"tools":…`.
    std::string echo;
};
/// `item_prefix` makes the ids of input items that have none.
Result<ResponseRequest> read_response_request(json::object body, std::string_view item_prefix);

/// Instructions and items as messages of a chat. invalid_argument names the item.
Result<json::array> response_messages(std::string_view instructions, const json::array& items);

/// A refusal of the chat underneath, in the names of this endpoint.
Error in_response_words(Error error);

}  // namespace headrace::protocols::openai
