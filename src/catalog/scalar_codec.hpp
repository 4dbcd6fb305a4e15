#pragma once
// Internal: values.proto by hand for what nearly every job is made of.

#include <optional>
#include <string>
#include <string_view>

#include "catalog/values.hpp"

namespace headrace::catalog {

/// The bytes that the generated code makes of these values; nullopt when one of them is a tensor, a
/// media value or a list.
std::optional<std::string> encode_scalars(const Values& values);

/// Values of scalars in the form that encode_scalars() writes. nullopt for everything else, sound
/// or not: the generated code decides about that. Names may still stand twice.
std::optional<Values> decode_scalars(std::string_view bytes);

}  // namespace headrace::catalog
