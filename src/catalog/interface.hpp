#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/values.hpp"

/// The one interface model. Every dialect's schema is a rendering of it or a translation into it.
namespace headrace::catalog {

/// once: a request and its result. stream: frames in and frames out, pinned to one slot.
enum class Mode : std::uint8_t { once, stream };

/// Fixed canonical fields for a kind of capability, by which dialects map.
enum class Profile : std::uint8_t { chat, embed, rerank, transcribe, speak, image };

/// Segments are text … tensor; parameters are integer … json; outputs may be either.
enum class Kind : std::uint8_t {
    text,
    audio,
    image,
    video,
    other,
    tensor,
    integer,
    floating,
    boolean,
    string,
    enumeration,
    time,
    json
};
[[nodiscard]] constexpr bool is_segment(Kind kind) {
    return kind <= Kind::tensor;
}
[[nodiscard]] constexpr bool is_media(Kind kind) {
    return kind >= Kind::audio && kind <= Kind::other;
}

/// How a streamed output grows: append sends the new part, replace the whole.
enum class Streaming : std::uint8_t { none, append, replace };

std::string_view to_string(Mode mode);
std::string_view to_string(Profile profile);
std::string_view to_string(Kind kind);
std::string_view to_string(Streaming streaming);

/// A bound that keeps integers exact. Time bounds are milliseconds since the epoch.
using Number = std::variant<std::int64_t, double>;

struct NumberLimits {
    std::optional<Number> min, max, exclusive_min, exclusive_max, multiple_of;
    bool operator==(const NumberLimits&) const = default;
};

/// Lengths count code points. The pattern is RE2 syntax and may match anywhere, as in JSON Schema.
struct TextLimits {
    std::optional<std::uint64_t> min_length, max_length;
    std::optional<std::string> pattern;
    bool operator==(const TextLimits&) const = default;
};

struct Extent {
    std::optional<std::uint32_t> min, max, multiple_of;
    bool operator==(const Extent&) const = default;
};

/// What media a segment takes or gives. The validator holds content types, sizes and what the
/// value's own attributes say; what needs decoding (pixels, seconds) is for whoever decodes it.
struct MediaLimits {
    std::vector<std::string> content_types;   // "image/png", "audio/*"; empty = any of the kind
    std::vector<std::string> encodings;       // "pcm_s16le", "utf8", …
    std::vector<std::uint32_t> sample_rates;  // Hz
    std::vector<std::uint32_t> channels;
    std::vector<std::string> color_spaces;
    Extent width, height;  // pixels
    bool keep_aspect_ratio = false;
    std::optional<std::uint64_t> max_bytes, max_pixels;
    std::optional<double> max_seconds;
    bool operator==(const MediaLimits&) const = default;
};

struct TensorLimits {
    DType dtype = DType::fp32;
    std::vector<std::int64_t> shape;  // -1 = any length; an empty shape is a scalar
    bool operator==(const TensorLimits&) const = default;
};

inline constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

/// One input segment, parameter, output, or progress field. Limits apply to each item of a list.
struct FieldSpec {
    std::string name;
    std::string title;
    std::string description;
    Kind kind = Kind::text;
    /// Must be there. For outputs: not conditional.
    bool required = true;
    bool nullable = false;
    /// A count above one, or a list parameter: the value is a list of min_items..max_items.
    bool list = false;
    std::uint32_t min_items = 0;
    std::uint32_t max_items = kUnbounded;
    std::optional<Value> fallback;  // the default
    std::vector<Value> allowed;     // of enumerations, strings, integers and floats; empty = any
    NumberLimits number;
    TextLimits text;
    MediaLimits media;
    TensorLimits tensor;
    std::shared_ptr<const json::value> schema;  // Kind::json: the bounded schema, null = anything
    Streaming streaming = Streaming::none;      // outputs only
};

/// An error that the engine itself names, beside the ErrorCode words.
struct ErrorSpec {
    std::string code;
    std::string description;
    bool retryable = false;
};

struct MeterSpec {
    std::string name;
    std::string unit;
    std::string description;
};

/// Every list is sorted by name. Inputs and parameters share one space of names.
struct Interface {
    Mode mode = Mode::once;
    std::optional<Profile> profile;
    std::vector<FieldSpec> inputs;
    std::vector<FieldSpec> parameters;
    std::vector<FieldSpec> outputs;
    std::vector<FieldSpec> progress_outputs;
    std::vector<FieldSpec> progress_inputs;
    std::vector<ErrorSpec> errors;
    std::vector<MeterSpec> meters;
};

/// "[a-zA-Z_][a-zA-Z0-9_.-]{0,63}": names of fields, error codes, meters.
bool is_field_name(std::string_view name);
/// "[a-z][a-z0-9_.-]{0,62}": names of capabilities.
bool is_capability_name(std::string_view name);

/// Reads the JSON form of an interface (docs/engine-toml.md describes the same keys as tables).
/// Errors have one violation per fault, with paths such as "inputs.image.kind".
Result<Interface> interface_from_json(std::string_view text);
Result<Interface> interface_from_json(const json::object& object);
/// The canonical text: sorted keys, nothing that is the default. Equal interfaces have equal text.
std::string interface_to_json(const Interface& interface);
/// SHA-256 of the canonical text.
Sha256 digest_of(const Interface& interface);

}  // namespace headrace::catalog
