#pragma once

#include <string_view>

#include "base/json.hpp"
#include "catalog/findings.hpp"
#include "catalog/interface.hpp"

namespace headrace::catalog {

/// Where a field stands decides which keys it may have and what is the default.
enum class FieldGroup : std::uint8_t { input, parameter, output, progress };

/// Whether fields of `group` are required when nothing is said.
[[nodiscard]] constexpr bool required_by_default(FieldGroup group) {
    return group == FieldGroup::input || group == FieldGroup::output;
}

/// One field of an interface's JSON form. Faults go to `findings`.
FieldSpec read_field(std::string_view name, const json::object& object, FieldGroup group,
                     const PathNode& path, Findings& findings);

/// The canonical JSON form: what read_field() reads back to the same field.
json::object write_field(const FieldSpec& field, FieldGroup group);

}  // namespace headrace::catalog
