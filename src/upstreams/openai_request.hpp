#pragma once

#include <string>
#include <string_view>

#include "catalog/interface.hpp"
#include "catalog/values.hpp"
#include "upstreams/fault.hpp"

namespace headrace::upstreams {

/// A body for an OpenAI-style server, and what it will be answered with.
struct OpenaiBody {
    std::string operation;  // "chat/completions"
    std::string content_type;  // empty: JSON
    std::string body;
    bool stream = false;
    bool usage_wanted = false;  // the caller asked for a usage frame
};

/// The route below /v1 that a profile's canonical fields go to; empty for one that has none.
std::string_view operation_of(catalog::Profile profile);
/// Whether a model of this profile is there for the route: what the server says of another one says
/// nothing of the model, nor of the server.
bool is_own_operation(catalog::Profile profile, std::string_view operation);
/// Whether it is a route name: letters, digits, '_', '-' and single slashes between them.
bool is_operation(std::string_view text);

/// The caller's own body with two changes in place: `model`, and `stream_options.include_usage`
/// where it streams tokens. Fault::request when it is no JSON object.
CallResult<OpenaiBody> splice_body(std::string_view request, std::string operation,
                                   std::string_view model);

/// A body from canonical fields; `stream` where somebody listens and the profile can stream.
CallResult<OpenaiBody> render_body(catalog::Profile profile, const catalog::Values& input,
                                   std::string_view model, bool stream);

}  // namespace headrace::upstreams
