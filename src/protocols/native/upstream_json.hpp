#pragma once

#include <string>

#include "base/json.hpp"
#include "base/result.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::protocols::native {

/// What a body says of an upstream's address: only who may say so opens private networks.
struct UpstreamChange {
    upstreams::UpstreamSpec spec;
    bool asks_private = false;  // `allow_private: true` stands in the body
};

/// Reads a body over `base`: what it does not name stays as it is there. `fresh`: name, base_url
/// and models must be there; else the name must not.
Result<UpstreamChange> read_upstream(const json::object& body, upstreams::UpstreamSpec base,
                                     bool fresh);

/// Everything but the key.
void append_upstream(std::string& out, const upstreams::UpstreamView& view);

}  // namespace headrace::protocols::native
