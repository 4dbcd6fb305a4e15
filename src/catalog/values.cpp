#include "catalog/values.hpp"

#include <cstring>

#include "base/result.hpp"

namespace headrace::catalog {
namespace {

constexpr std::string_view kDTypeWords[] = {"",      "bool",  "int8",   "int16",  "int32",
                                            "int64", "uint8", "uint16", "uint32", "uint64",
                                            "fp16",  "bf16",  "fp32",   "fp64",   "bytes"};
constexpr std::size_t kWidths[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 0};

template <class FieldsT, class Visit>
void visit_media(FieldsT& fields, const Visit& visit) {
    for (auto& field : fields) {
        if (auto* media = field.value.template get<Media>()) {
            visit(field.name, *media);
        } else if (auto* list = field.value.template get<Value::List>()) {
            for (auto& item : *list) {
                if (auto* entry = item.template get<Media>()) visit(field.name, *entry);
            }
        }
    }
}

}  // namespace

std::string_view to_string(DType dtype) {
    return kDTypeWords[static_cast<std::size_t>(dtype)];
}

std::optional<DType> dtype_from(std::string_view word) {
    if (word == "string") return DType::bytes;
    for (std::size_t i = 1; i < std::size(kDTypeWords); ++i) {
        if (kDTypeWords[i] == word) return static_cast<DType>(i);
    }
    return std::nullopt;
}

std::size_t width_of(DType dtype) {
    return kWidths[static_cast<std::size_t>(dtype)];
}

std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    std::uint64_t count = 1;
    bool empty = false;
    for (const auto length : shape) {
        if (length < 0) return std::nullopt;
        if (length == 0) {
            empty = true;
            continue;
        }
        if (static_cast<std::uint64_t>(length) > kMost / count) return std::nullopt;
        count *= static_cast<std::uint64_t>(length);
    }
    return empty ? 0 : count;
}

bool is_consistent(const Tensor& tensor) {
    const auto count = element_count(tensor.shape);
    if (!count) return false;
    if (tensor.dtype != DType::bytes) {
        if (*count * width_of(tensor.dtype) != tensor.data.size()) return false;
        if (tensor.dtype != DType::boolean) return true;
        return tensor.data.find_first_not_of(std::string_view("\0\1", 2)) == std::string::npos;
    }
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < *count; ++i) {
        if (tensor.data.size() - at < 4) return false;
        std::uint32_t length = 0;
        std::memcpy(&length, tensor.data.data() + at, 4);
        at += 4;
        if (tensor.data.size() - at < length) return false;
        at += length;
    }
    return at == tensor.data.size();
}

const Value* Values::find(std::string_view name) const {
    for (const auto& field : fields) {
        if (field.name == name) return &field.value;
    }
    return nullptr;
}

Value* Values::find(std::string_view name) {
    return const_cast<Value*>(std::as_const(*this).find(name));
}

void Values::set(std::string_view name, Value value) {
    if (auto* present = find(name)) {
        *present = std::move(value);
    } else {
        fields.push_back(Field{std::string(name), std::move(value)});
    }
}

void for_each_media(Values& values, const std::function<void(std::string_view, Media&)>& visit) {
    visit_media(values.fields, visit);
}

void for_each_media(const Values& values,
                    const std::function<void(std::string_view, const Media&)>& visit) {
    visit_media(values.fields, visit);
}

}  // namespace headrace::catalog
