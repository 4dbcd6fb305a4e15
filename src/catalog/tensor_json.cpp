#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/digest.hpp"
#include "catalog/json_value.hpp"

// Tensor bytes are little-endian on every wire; here they are copied as the machine has them.
static_assert(std::endian::native == std::endian::little);

namespace headrace::catalog {
namespace {

constexpr std::size_t kMaxRank = 16;

template <class T>
void append_raw(std::string& data, T number) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &number, sizeof(T));
    data.append(bytes, sizeof(T));
}

template <class T>
bool append_integer(std::string& data, const json::value& from) {
    using Limits = std::numeric_limits<T>;
    if (from.is_int64()) {
        const std::int64_t number = from.get_int64();
        if constexpr (std::is_unsigned_v<T>) {
            if (number < 0 || static_cast<std::uint64_t>(number) > Limits::max()) return false;
        } else if (number < Limits::min() || number > Limits::max()) {
            return false;
        }
        append_raw(data, static_cast<T>(number));
        return true;
    }
    if (std::is_same_v<T, std::uint64_t> && from.is_uint64()) {
        append_raw(data, static_cast<T>(from.get_uint64()));
        return true;
    }
    return false;
}

bool append_element(std::string& data, DType dtype, const json::value& from) {
    switch (dtype) {
        case DType::boolean:
            if (from.is_bool()) {
                data += from.get_bool() ? '\1' : '\0';
                return true;
            }
            if (!from.is_int64() || (from.get_int64() != 0 && from.get_int64() != 1)) return false;
            data += static_cast<char>(from.get_int64());
            return true;
        case DType::int8:
            return append_integer<std::int8_t>(data, from);
        case DType::int16:
            return append_integer<std::int16_t>(data, from);
        case DType::int32:
            return append_integer<std::int32_t>(data, from);
        case DType::int64:
            return append_integer<std::int64_t>(data, from);
        case DType::uint8:
            return append_integer<std::uint8_t>(data, from);
        case DType::uint16:
            return append_integer<std::uint16_t>(data, from);
        case DType::uint32:
            return append_integer<std::uint32_t>(data, from);
        case DType::uint64:
            return append_integer<std::uint64_t>(data, from);
        case DType::bytes:
            if (!from.is_string()) return false;
            append_raw(data, static_cast<std::uint32_t>(from.get_string().size()));
            data.append(std::string_view(from.get_string()));
            return true;
        default:
            break;
    }
    if (!from.is_number()) return false;
    const auto number = from.to_number<double>();
    if (dtype == DType::fp64) {
        append_raw(data, number);
        return true;
    }
    const auto single = static_cast<float>(number);
    if (!std::isfinite(single)) return false;
    if (dtype == DType::fp32) append_raw(data, single);
    if (dtype == DType::bf16) append_raw(data, to_bfloat(single));
    if (dtype != DType::fp16) return true;
    append_raw(data, to_half(single));
    return std::isfinite(from_half(to_half(single)));
}

/// Reads `data`, nested as the shape says or flat, into rows of little-endian elements.
class ElementReader {
  public:
    ElementReader(Tensor& tensor, Findings& findings) : tensor_(tensor), findings_(findings) {}

    bool flat(const json::array& array, const PathNode& path) {
        for (std::size_t i = 0; i < array.size(); ++i) {
            if (!element(array[i], path, i)) return false;
        }
        return true;
    }

    bool nested(const json::value& from, std::size_t axis, const PathNode& path) {
        const auto* array = from.if_array();
        const auto length = static_cast<std::uint64_t>(tensor_.shape[axis]);
        if (!array || array->size() != length) {
            findings_.add(path, "data_size", std::to_string(length));
            return false;
        }
        if (axis + 1 == tensor_.shape.size()) return flat(*array, path);
        for (std::size_t i = 0; i < array->size(); ++i) {
            if (!nested((*array)[i], axis + 1, path.at(i))) return false;
        }
        return true;
    }

    bool element(const json::value& from, const PathNode& path, std::size_t index) {
        if (append_element(tensor_.data, tensor_.dtype, from)) return true;
        findings_.add(path.at(index), "type:" + std::string(to_string(tensor_.dtype)));
        return false;
    }

  private:
    Tensor& tensor_;
    Findings& findings_;
};

bool read_shape(const json::value* from, std::vector<std::int64_t>& shape, const PathNode& path,
                Findings& findings) {
    const auto* array = from ? from->if_array() : nullptr;
    if (!array || array->size() > kMaxRank) {
        findings.add(path, from ? "type:list" : "required", from ? std::to_string(kMaxRank) : "");
        return false;
    }
    for (const auto& length : *array) {
        if (!length.is_int64() || length.get_int64() < 0) {
            findings.add(path, "shape");
            return false;
        }
        shape.push_back(length.get_int64());
    }
    return true;
}

template <class T>
T element_at(const Tensor& tensor, std::uint64_t index) {
    T number;
    std::memcpy(&number, tensor.data.data() + index * sizeof(T), sizeof(T));
    return number;
}

void append_element_json(std::string& out, const Tensor& tensor, std::uint64_t i, std::size_t& at) {
    switch (tensor.dtype) {
        case DType::boolean:
            out += element_at<std::uint8_t>(tensor, i) ? "true" : "false";
            return;
        case DType::int8:
            out += std::to_string(element_at<std::int8_t>(tensor, i));
            return;
        case DType::int16:
            out += std::to_string(element_at<std::int16_t>(tensor, i));
            return;
        case DType::int32:
            out += std::to_string(element_at<std::int32_t>(tensor, i));
            return;
        case DType::int64:
            out += std::to_string(element_at<std::int64_t>(tensor, i));
            return;
        case DType::uint8:
            out += std::to_string(element_at<std::uint8_t>(tensor, i));
            return;
        case DType::uint16:
            out += std::to_string(element_at<std::uint16_t>(tensor, i));
            return;
        case DType::uint32:
            out += std::to_string(element_at<std::uint32_t>(tensor, i));
            return;
        case DType::uint64:
            out += std::to_string(element_at<std::uint64_t>(tensor, i));
            return;
        case DType::fp16:
            append_number(out, from_half(element_at<std::uint16_t>(tensor, i)));
            return;
        case DType::bf16:
            append_number(out, from_bfloat(element_at<std::uint16_t>(tensor, i)));
            return;
        case DType::fp32:
            append_number(out, element_at<float>(tensor, i));
            return;
        case DType::fp64:
            append_number(out, element_at<double>(tensor, i));
            return;
        case DType::bytes:
            break;
    }
    std::uint32_t length = 0;
    std::memcpy(&length, tensor.data.data() + at, 4);
    const std::string_view bytes(tensor.data.data() + at + 4, length);
    at += 4 + length;
    if (is_utf8(bytes))
        append_json_string(out, bytes);
    else
        append_json_string(out, to_base64(bytes));
}

}  // namespace

bool tensor_from_json(const json::value& from, DType expected, Tensor& to, const PathNode& path,
                      Findings& findings) {
    const auto* object = from.if_object();
    if (!object) {
        findings.add(path, "type:tensor");
        return false;
    }
    bool good = true;
    for (const auto& member : *object) {
        const std::string_view key = member.key();
        if (key == "shape" || key == "dtype" || key == "data") continue;
        findings.add(path.at(key), "unknown_field");
        good = false;
    }
    to.dtype = expected;
    if (const auto* word = object->if_contains("dtype")) {
        const auto dtype = word->is_string() ? dtype_from(word->get_string()) : std::nullopt;
        if (!dtype) {
            findings.add(path.at("dtype"), "dtype", std::string(to_string(expected)));
            return false;
        }
        to.dtype = *dtype;
    }
    if (!read_shape(object->if_contains("shape"), to.shape, path.at("shape"), findings))
        return false;
    const auto count = element_count(to.shape);
    if (!count) {
        findings.add(path.at("shape"), "shape");
        return false;
    }
    const auto* data = object->if_contains("data");
    const PathNode here = path.at("data");
    if (!data) {
        findings.add(here, "required");
        return false;
    }
    ElementReader reader(to, findings);
    const auto* array = data->if_array();
    if (to.shape.empty() && !array) return reader.element(*data, path, 0) && good;
    if (!array) {
        findings.add(here, "type:list");
        return false;
    }
    const bool is_nested = to.shape.size() > 1 && !array->empty() && array->front().is_array();
    if (is_nested) return reader.nested(*data, 0, here) && good;
    if (array->size() != *count) {
        findings.add(here, "data_size", std::to_string(*count));
        return false;
    }
    to.data.reserve(array->size() * width_of(to.dtype));
    return reader.flat(*array, here) && good;
}

void tensor_to_json(std::string& out, const Tensor& tensor) {
    out += "{\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        if (i > 0) out += ',';
        out += std::to_string(tensor.shape[i]);
    }
    out += "],\"dtype\":\"";
    out += to_string(tensor.dtype);
    out += "\",\"data\":[";
    if (is_consistent(tensor)) {
        const std::uint64_t count = *element_count(tensor.shape);
        std::size_t at = 0;
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i > 0) out += ',';
            append_element_json(out, tensor, i, at);
        }
    }
    out += "]}";
}

}  // namespace headrace::catalog
