#pragma once

#include "base/json.hpp"
#include "catalog/interface.hpp"
#include "catalog/validator.hpp"

namespace headrace::catalog {

/// One side of an interface as a JSON Schema 2020-12 object, in the JSON forms of json_codec.hpp.
/// Media outputs have the form that the native dialect answers with.
json::object json_schema(const Interface& interface, Side side);

/// One field alone.
json::object json_schema(const FieldSpec& field, Side side);

}  // namespace headrace::catalog
