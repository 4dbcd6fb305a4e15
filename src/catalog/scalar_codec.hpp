#pragma once
// values.proto by hand for what nearly every job is made of.

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

/// The same bytes as of values that hold this one text.
std::string encode_text(std::string_view name, std::string_view text);
/// The text, in place, where the bytes hold it under this name and nothing else.
std::optional<std::string_view> only_text(std::string_view bytes, std::string_view name);

}  // namespace headrace::catalog
