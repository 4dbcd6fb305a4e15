#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/validator.hpp"
#include "catalog/values.hpp"

/// JSON <-> Values. Text: a string. Media: {"file_id"}, {"url"} or a data URL string. Tensor:
/// {"shape","dtype","data"} with nested or flat data. Lists: arrays. Time: RFC 3339.
namespace headrace::catalog {

/// Data URLs up to this many decoded bytes stay inline; the caller stores larger ones as files.
inline constexpr std::size_t kInlineMediaBytes = 256 * 1024;

struct ReadOptions {
    Side side = Side::input;
    Completeness completeness = Completeness::whole;
    /// Decoded bytes of one data URL beyond which it is refused (rule "max_bytes").
    std::size_t max_data_url_bytes = 32 * 1024 * 1024;
    bool allow_url = true;
    bool allow_file = true;
};

/// Reads and validates in one pass, and fills in defaults. Every data URL is decoded to InlineBytes
/// with its size; whoever reads `size` > kInlineMediaBytes is to store it and replace the source.
Result<Values> read_json(const Validator& validator, const json::object& object,
                         const ReadOptions& options = {});

/// Appends one media value as JSON.
using MediaWriter = std::function<void(std::string& out, const Media& media)>;
/// {"file_id"} or {"url"} with what is known of type and size, or a data URL for inline bytes.
void write_media(std::string& out, const Media& media);

/// Appends the values as one JSON object, in their order. Numbers that JSON cannot hold (NaN,
/// infinity) become null; bytes elements that are not UTF-8 become base64.
void write_json(std::string& out, const Values& values, const MediaWriter& media = write_media);
void write_json(std::string& out, const Value& value, const MediaWriter& media = write_media);

}  // namespace headrace::catalog
