#pragma once

#include <cstdint>
#include <string_view>

#include <toml++/toml.h>

#include "base/json.hpp"
#include "catalog/findings.hpp"

/// TOML as JSON, and back to its lines; only engine files need it.
namespace headrace::catalog {

/// Dates and times become RFC 3339 text. NaN and infinity, which JSON lacks, add a violation.
json::value to_json(const toml::node& node, const PathNode& path, Findings& findings);

/// The line of the deepest node that a violation's path ("inputs.image.kind") leads to; names may
/// hold dots. 0 when it leads nowhere.
std::uint32_t line_of(const toml::table& root, std::string_view path);

}  // namespace headrace::catalog
