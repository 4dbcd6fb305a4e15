#pragma once

#include "base/result.hpp"
#include "catalog/interface.hpp"

namespace headrace::upstreams {

/// What an OpenAI-style server takes and gives for a profile: its canonical fields, none of them
/// required, and the verbatim ones (README.md). invalid_argument for a profile without a route.
Result<catalog::Interface> openai_interface(catalog::Profile profile);

}  // namespace headrace::upstreams
