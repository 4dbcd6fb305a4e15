#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

/// Reading single members of a body; null counts as absent, as the SDKs mean it. Errors name the
/// member as `param`.
namespace headrace::protocols::openai {

/// Null when the member is absent or null.
const json::value* member(const json::object& object, std::string_view name);

Result<std::optional<bool>> read_bool(const json::object& object, std::string_view name);
/// Whole numbers, also written as 5.0.
Result<std::optional<std::int64_t>> read_integer(
    const json::object& object, std::string_view name,
    std::int64_t min = std::numeric_limits<std::int64_t>::min(),
    std::int64_t max = std::numeric_limits<std::int64_t>::max());
/// A view into the object.
Result<std::optional<std::string_view>> read_text(const json::object& object,
                                                  std::string_view name);
/// As read_text; missing_required_parameter when it is absent or empty.
Result<std::string_view> require_text(const json::object& object, std::string_view name);

/// invalid_value: `name` should be `what`.
Error wrong_type(std::string_view name, std::string_view what);

}  // namespace headrace::protocols::openai
