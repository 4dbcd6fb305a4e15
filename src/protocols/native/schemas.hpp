#pragma once

#include "catalog/openapi.hpp"

namespace headrace::protocols::native {

/// The component schemas that the routes name.
void add_schemas(catalog::OpenApiDocument& document);

}  // namespace headrace::protocols::native
