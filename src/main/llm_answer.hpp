#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/values.hpp"

namespace headrace::main {

// What a model was asked and what it said, whichever form it has: the canonical fields of a
// profile, or a body of OpenAI's API that passes verbatim (`request`, `response`).

/// Why it stopped, for each choice; words only, nothing of the answer.
std::vector<std::string> finish_reasons(const catalog::Values& output);

/// The same in the bytes of a body or a stream, or of what holds them as they are.
std::vector<std::string> finish_reasons_in(std::string_view body);

/// What it was asked, as JSON text: messages with their tools, texts to embed, or the verbatim
/// body.
std::string request_text(const catalog::Values& input);

/// What it said; the parts of a verbatim stream are joined, so that what was cut in two by events
/// stands together again. Calls of tools follow the text.
std::string answer_text(const catalog::Values& output);
/// The same of a verbatim body or stream.
std::string verbatim_text(std::string_view body);

}  // namespace headrace::main
