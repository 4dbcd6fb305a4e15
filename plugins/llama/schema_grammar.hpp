#pragma once

#include <string>
#include <string_view>

#include "problem.hpp"

namespace headrace::llama {

/// A grammar (GBNF) of the JSON texts that a JSON Schema allows, compact: no space but one after
/// ':' and ','. Members come in the order of `properties`; what is not required may be missing.
///
/// Read: type (one or a list), enum, const, properties, required, additionalProperties (false, or
/// absent, which is taken as false), items, minItems, maxItems, minLength, maxLength, anyOf, oneOf,
/// and the notes (title, description, default, examples, $schema, $id, $comment, format,
/// deprecated). minimum, maximum and whatever else a grammar of this kind cannot hold to is an
/// error that names the place, because an answer that breaks the schema would be worse. At most 16
/// deep, and 64 KiB of grammar.
Result<std::string> grammar_of_schema(std::string_view schema);

/// Any JSON object.
std::string grammar_of_any_object();

}  // namespace headrace::llama
