#pragma once

#include <span>

#include "stores/migrations/steps.hpp"

namespace headrace::stores {

std::span<const Step> postgres_schema();

}  // namespace headrace::stores
