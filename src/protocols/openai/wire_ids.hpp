#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace headrace::protocols::openai {

/// "file-0190…": a prefix and the 32 hex digits of a UUID.
std::string wire_id(std::string_view prefix, const Uuid& id);
/// nullopt for anything that wire_id() with this prefix does not make.
std::optional<Uuid> parse_wire_id(std::string_view prefix, std::string_view text);

inline constexpr std::string_view kFilePrefix = "file-";

}  // namespace headrace::protocols::openai
