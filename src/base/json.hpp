#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.hpp"

namespace headrace {

namespace json = boost::json;

struct JsonLimits {
    std::size_t max_depth = 64;
};

/// Parses one JSON text strictly: UTF-8, no lone surrogates, no duplicate keys, no number outside a
/// double's range, nothing after the value, no comments. The error names the rule, never the
/// content.
Result<json::value> parse_json(std::string_view text, const JsonLimits& limits = {});

/// As above, and the value must be an object.
Result<json::object> parse_json_object(std::string_view text, const JsonLimits& limits = {});

/// Keys sorted at every level: two equal values have equal text.
std::string canonical_json(const json::value& value);

/// Appends one value as compact JSON, members in their order; a double in the shortest text that
/// reads back as the same number (json::serialize writes 0.5 as 5E-1).
void append_json(std::string& out, const json::value& value);

/// Whether `text` is valid UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// Appends `text` as a JSON string with its quotes; for hand-built hot-path answers.
void append_json_string(std::string& out, std::string_view text);

}  // namespace headrace
