#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"

namespace headrace::catalog {

/// Element types of tensors; the numbers are those of include/headrace/engine.h.
enum class DType : std::uint8_t {
    boolean = 1,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    fp16,
    bf16,
    fp32,
    fp64,
    bytes
};
/// "bool", "int8" … "fp64", "bytes".
std::string_view to_string(DType dtype);
/// Also takes "string" for bytes.
std::optional<DType> dtype_from(std::string_view word);
/// Bytes of one element; 0 for DType::bytes, whose elements carry their length.
std::size_t width_of(DType dtype);

/// Row-major, little-endian. DType::bytes: each element is its length (4 bytes) and its bytes.
struct Tensor {
    DType dtype = DType::fp32;
    std::vector<std::int64_t> shape;
    std::string data;
    bool operator==(const Tensor&) const = default;
};
/// Number of elements of a shape; nullopt when one is negative or the product passes 2^40.
std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape);
/// Whether `data` is exactly what dtype and shape say.
bool is_consistent(const Tensor& tensor);

/// Where the content of a media value is.
struct InlineBytes {
    std::string bytes;
    bool operator==(const InlineBytes&) const = default;
};
struct FileSource {
    std::string id;  // UUID text of an uploaded file
    bool operator==(const FileSource&) const = default;
};
struct UrlSource {
    std::string url;
    bool operator==(const UrlSource&) const = default;
};
struct BlobSource {
    Sha256 digest{};
    bool operator==(const BlobSource&) const = default;
};
struct PartSource {
    std::uint32_t part = 0;  // comes as chunks of the link, from 1
    bool operator==(const PartSource&) const = default;
};

struct Media {
    std::string content_type;  // empty = not known yet
    std::string name;
    std::uint64_t size = 0;  // bytes; 0 with a file or url = not known yet
    std::variant<InlineBytes, FileSource, UrlSource, BlobSource, PartSource> source;
    std::vector<std::pair<std::string, std::string>> attributes;  // e.g. sample_rate = 16000
    bool operator==(const Media&) const = default;
};

struct Null {
    bool operator==(const Null&) const = default;
};
struct Time {
    WallMs ms = 0;
    bool operator==(const Time&) const = default;
};
struct Json {
    std::string text;  // one JSON text
    bool operator==(const Json&) const = default;
};

/// One typed value.
struct Value {
    using List = std::vector<Value>;  // of one field; lists do not nest
    using Kind = std::variant<Null, std::string, std::int64_t, double, bool, Time, Json, Tensor,
                              Media, List>;
    Kind kind;

    Value() = default;
    template <class T>
    requires(std::is_constructible_v<Kind, T&&> && !std::is_same_v<std::remove_cvref_t<T>, Value>)
        Value(T&& from)
        : kind(std::forward<T>(from)) {}  // NOLINT: a value is what it holds

    template <class T>
    [[nodiscard]] const T* get() const {
        return std::get_if<T>(&kind);
    }
    template <class T>
    [[nodiscard]] T* get() {
        return std::get_if<T>(&kind);
    }
    [[nodiscard]] bool is_null() const { return std::holds_alternative<Null>(kind); }
    bool operator==(const Value&) const = default;
};

struct Field {
    std::string name;
    Value value;
    bool operator==(const Field&) const = default;
};

/// Typed named values: the inputs, parameters or outputs of a job, each name once.
struct Values {
    std::vector<Field> fields;

    [[nodiscard]] const Value* find(std::string_view name) const;
    [[nodiscard]] Value* find(std::string_view name);
    /// Replaces or adds.
    void set(std::string_view name, Value value);
    bool operator==(const Values&) const = default;
};

/// The serialized `Values` of values.proto, as stores and the link carry it.
std::string encode(const Values& values);
/// invalid_argument when the bytes are no Values, hold a name twice, an empty value, a list in a
/// list, a tensor whose data is not what its shape says, or text that is not UTF-8.
Result<Values> decode(std::string_view bytes);

/// Calls `visit(field name, media)` for every media value, depth first: the order of PartSource
/// numbers and of jobs::Payload::media.
void for_each_media(Values& values, const std::function<void(std::string_view, Media&)>& visit);
void for_each_media(const Values& values,
                    const std::function<void(std::string_view, const Media&)>& visit);

}  // namespace headrace::catalog
