#pragma once

#include "base/json.hpp"
#include "base/result.hpp"

namespace headrace::protocols::openai {

/// The `messages` of a chat in the form that engines know: roles system, user, assistant and tool
/// only (developer is system; function calls and their results are tool calls), no members that
/// hold null but `content`, nothing that only a service's own answers carry. Pure.
Result<json::array> canonical_messages(json::value messages);

/// {"name","description","parameters"} of the legacy `functions` as tools.
Result<json::array> tools_of_functions(json::value functions);
/// The legacy `function_call` as a tool_choice.
Result<json::value> choice_of_function_call(json::value choice);

}  // namespace headrace::protocols::openai
