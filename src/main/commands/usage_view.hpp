#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace headrace::main {

// How `headrace usage` shows an answer of GET /usage/summary.

/// Aligned columns for people; the last line is the sum.
std::string usage_table(const json::value& summary);
/// RFC 4180 with a heading; a text that a spreadsheet would take for a formula begins with '.
std::string usage_csv(const json::value& summary);
/// One bar for each row, tokens where there are any, else jobs; at most `columns` wide.
std::string usage_plot(const json::value& summary, std::size_t columns);

}  // namespace headrace::main
