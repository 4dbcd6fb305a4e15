#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "catalog/findings.hpp"
#include "catalog/interface.hpp"
#include "catalog/values.hpp"

/// The JSON forms of single values, one function per type; inside of the codecs.
namespace headrace::catalog {

/// text, integer, float, boolean, string, enum, time. False when the JSON has another type.
bool scalar_from_json(Kind kind, const json::value& from, Value& to);

/// {"shape","dtype","data"}. Adds a violation and returns false when it is none. A missing dtype is
/// `expected`; the caller checks dtype and shape against the interface.
bool tensor_from_json(const json::value& from, DType expected, Tensor& to, const PathNode& path,
                      Findings& findings);
void tensor_to_json(std::string& out, const Tensor& tensor);

struct DataUrl {
    std::string content_type;  // empty where the URL names none
    std::string_view base64;
};
/// "data:image/png;base64,…"; nullopt for anything else, also for data that is not base64.
std::optional<DataUrl> parse_data_url(std::string_view text);

/// The shortest JSON text that reads back as the same number; "null" for NaN and infinity.
void append_number(std::string& out, double number);
void append_number(std::string& out, float number);

/// IEEE half precision and bfloat16, rounded to nearest even.
std::uint16_t to_half(float number);
float from_half(std::uint16_t bits);
std::uint16_t to_bfloat(float number);
float from_bfloat(std::uint16_t bits);

}  // namespace headrace::catalog
