#pragma once

#include <span>

#include "stores/migrations/steps.hpp"

namespace headrace::stores {

std::span<const Step> jobs_schema();
std::span<const Step> catalog_schema();

}  // namespace headrace::stores
