#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "upstreams/fastchat_prompt.hpp"

namespace headrace::upstreams {

/// How a model that knows tools only by its prompt writes them. `hermes` is the form of the Hermes
/// and Qwen models: <tools>, <tool_call> and <tool_response> around JSON.
enum class ToolForm : std::uint8_t { none, hermes };

/// By the template and the model's name; `said` ("hermes", "none") wins.
ToolForm tool_form_of(const PromptTemplate& form, std::string_view model, std::string_view said);

/// What a request says of tools.
struct ToolRequest {
    json::array tools;
    /// What the answer must begin with: a call, or the call of one function.
    bool must_call = false;
    std::string function;
    [[nodiscard]] bool active() const { return !tools.empty(); }
};

/// Reads `tools` and `tool_choice` of a chat request. Error invalid_argument with a violation.
Result<ToolRequest> read_tools(const json::value* tools, const json::value* choice);

/// The part of the system message that tells the model its tools.
std::string hermes_tools(const json::array& tools);
/// An assistant message with its calls, and what the tools answered, as turns have them.
Result<std::string> hermes_calls(std::string_view content, const json::array& calls);
std::string hermes_response(std::string_view content);
/// What is put after the prompt so that the model must call; the reader is given it too.
std::string hermes_start(const ToolRequest& request);

/// Finds the calls in a model's text as it comes. Text that may be the beginning of a call is held
/// back until it is decided.
class ToolCallReader {
  public:
    struct Call {
        std::string name;
        std::string arguments;  // JSON text
    };
    /// The text that is none of a call.
    std::string push(std::string_view delta);
    /// The rest; a call that was cut off but can be read counts.
    std::string finish();
    [[nodiscard]] const std::vector<Call>& calls() const { return calls_; }

  private:
    bool take_call(std::string_view body);
    std::string held_;
    std::string before_;  // white space before the call that is being read
    bool inside_ = false;
    std::size_t scanned_ = 0;  // of `held_`, for the end of a call
    std::vector<Call> calls_;
};

}  // namespace headrace::upstreams
