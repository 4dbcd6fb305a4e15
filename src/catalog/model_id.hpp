#pragma once

#include <string>
#include <string_view>

namespace headrace::catalog {

/// Ids of models, as dialects with models write them: 1 to 256 bytes of UTF-8 without control
/// characters, such as "Qwen/Qwen2.5-7B".
bool is_model_id(std::string_view id);

/// A capability's name for a model that has none: lower case, every character that a name does not
/// take becomes '-', "m-" in front where it would not begin with a letter, cut at 63. Two ids may
/// give one name.
std::string capability_name_for(std::string_view model_id);

}  // namespace headrace::catalog
