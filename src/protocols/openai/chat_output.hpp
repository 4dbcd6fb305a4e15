#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/values.hpp"
#include "jobs/job.hpp"

/// Outputs of the profile `chat` as members of this dialect's objects. Pure.
namespace headrace::protocols::openai {

/// Tokens of one answer or of several together.
struct TokenCount {
    std::uint64_t prompt = 0;
    std::uint64_t completion = 0;
    std::uint64_t cached = 0;
};
TokenCount tokens_of(const jobs::Usage& usage);
/// {"prompt_tokens":…,"completion_tokens":…,"total_tokens":…,…}
void append_usage(std::string& out, const TokenCount& tokens);

/// One tool call, or a piece of one: in a stream the first piece of an index has id and name.
struct ToolCall {
    std::int64_t index = 0;
    std::string id;
    std::string name;
    std::string arguments;
};
/// Of the output `tool_calls`: whole calls, or pieces.
Result<std::vector<ToolCall>> tool_calls_of(std::string_view json_text);
/// Pieces of the same index put together, in the order of the indexes; every call has an id.
std::vector<ToolCall> joined(std::vector<ToolCall> pieces, std::string_view job);
/// `[{"id":…,"type":"function","function":{…}}]`
void append_tool_calls(std::string& out, const std::vector<ToolCall>& calls);

/// {"content":[{"token","logprob","bytes","top_logprobs"}],"refusal":null} from the canonical
/// entries {token, logprob, bytes, top}; "null" when there are none.
void append_logprobs(std::string& out, std::string_view entries);

/// What one choice's job gave, whole.
struct ChatOutput {
    std::string text;
    std::string finish_reason;  // always one of the wire's words
    std::string logprobs;       // canonical entries, empty = none
    std::vector<ToolCall> tool_calls;
};
ChatOutput chat_output(catalog::Values outputs, std::string_view job);

/// The text of an output, or nothing.
std::string_view text_of(const catalog::Values& values, std::string_view name);

/// 32 hex digits, for ids of the wire.
std::string hex_of(const Uuid& id);

}  // namespace headrace::protocols::openai
