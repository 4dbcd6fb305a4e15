#pragma once

#include <optional>
#include <string_view>

#include "base/json.hpp"
#include "upstreams/fastchat_prompt.hpp"

namespace headrace::upstreams {

/// The templates of FastChat's released package by name (fastchat_templates.json); null for an
/// unknown name.
const PromptTemplate* known_prompt_template(std::string_view name);

/// What an operator may say of a worker's template, because the worker cannot be asked.
struct TemplateOverride {
    std::string conv_template;  // a known name in place of what the worker gives; empty: none
    std::optional<Numbering> numbering;
};

/// By the members that only newer templates have, then by the style that the template of this name
/// has, then by numbers that only one numbering has; else `released`, which is the package people
/// install.
Numbering numbering_of(const json::object& conv);

/// The template in a worker's answer to /worker_get_conv_template. Members that are missing have
/// FastChat's defaults. Errors engine_failed, for it is the worker that is wrong.
Result<PromptTemplate> read_prompt_template(const json::object& conv,
                                            std::optional<Numbering> numbering = {});

}  // namespace headrace::upstreams
