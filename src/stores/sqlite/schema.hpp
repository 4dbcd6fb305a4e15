#pragma once

#include <span>

#include "stores/sqlite/migrations.hpp"

namespace headrace::stores {

std::span<const Migration> jobs_schema();
std::span<const Migration> catalog_schema();

}  // namespace headrace::stores
