#pragma once

#include "catalog/findings.hpp"
#include "catalog/interface.hpp"

namespace headrace::catalog {

/// Whether an interface that declares `profile` has the profile's canonical fields: those that must
/// be there, and every one that is there with the canonical kind. README.md lists them.
void check_profile(const Interface& interface, Profile profile, const PathNode& root,
                   Findings& findings);

/// Whether calls of a profile can be made to a capability: it is of that profile, or it is a chat
/// that has the fields of `embed`, too (input `text`, a list; output `embeddings`).
bool serves(const Interface& interface, Profile profile);

}  // namespace headrace::catalog
