#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "base/json.hpp"
#include "protocols/openai/answer_stream.hpp"
#include "protocols/openai/chat_output.hpp"

/// Objects `response`, whole and as events.
namespace headrace::protocols::openai {

/// What all states of one response have in common.
struct ResponseFacts {
    std::string id;  // resp_…
    std::int64_t created = 0;
    std::string model;
    std::string echo;  // ResponseRequest::echo
    bool logprobs = false;
};

/// One of queued, in_progress, failed, cancelled: without any output. `error`: the object, or
/// empty.
std::string response_without_output(const ResponseFacts& facts, std::string_view status,
                                    std::string_view error = {});
/// completed, or incomplete when the answer ran into its token limit.
std::string response_object(const ResponseFacts& facts, const ChatOutput& output,
                            const TokenCount& tokens);
/// {"code","message"} of a failed response.
std::string response_error(const Error& error);

/// Keeps the finished response before its last event tells of it.
class ResponseKeeper {
  public:
    virtual ~ResponseKeeper() = default;
    virtual asio::awaitable<Result<void>> keep(std::string response) = 0;
};

/// Events with rising sequence numbers. `keeper` may be null and outlives the shape.
std::unique_ptr<StreamShape> response_events(ResponseFacts facts, bool replaces,
                                             ResponseKeeper* keeper);

}  // namespace headrace::protocols::openai
