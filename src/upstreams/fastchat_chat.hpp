#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "upstreams/fastchat_prompt.hpp"
#include "upstreams/fastchat_tools.hpp"

namespace headrace::upstreams {

/// A conversation as a worker takes it.
struct ChatPrompt {
    std::string prompt;
    std::vector<std::string> images;  // as the messages name them, in order
};

/// Renders the messages of a chat request (OpenAI's shape) by the worker's template. Each system or
/// developer message replaces the template's own. Tools are written in the model's `tool_form`;
/// without one, tools and tool messages are invalid_argument, as is any other role.
Result<ChatPrompt> build_chat_prompt(PromptTemplate form, const json::array& messages,
                                     const ToolRequest& tools, ToolForm tool_form);

}  // namespace headrace::upstreams
