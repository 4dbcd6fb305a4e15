#include "protocols/openai/fields.hpp"

#include <cmath>

#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {

const json::value* member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && !value->is_null() ? value : nullptr;
}

Error wrong_type(std::string_view name, std::string_view what) {
    return bad_field(std::string(name), code::kInvalid,
                     "Invalid type for '" + std::string(name) + "': expected " + std::string(what) +
                         ".");
}

Result<std::optional<bool>> read_bool(const json::object& object, std::string_view name) {
    const auto* value = member(object, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_bool()) return fail(wrong_type(name, "a boolean"));
    return value->get_bool();
}

Result<std::optional<std::int64_t>> read_integer(const json::object& object, std::string_view name,
                                                 std::int64_t min, std::int64_t max) {
    const auto* value = member(object, name);
    if (value == nullptr) return std::nullopt;
    std::int64_t number = 0;
    if (const auto* exact = value->if_int64()) {
        number = *exact;
    } else if (const auto* real = value->if_double();
               real != nullptr && std::trunc(*real) == *real && std::abs(*real) < 9e15) {
        number = static_cast<std::int64_t>(*real);
    } else {
        return fail(wrong_type(name, "an integer"));
    }
    if (number < min || number > max) {
        const bool low = number < min;
        return fail(bad_field(std::string(name), code::kInvalid,
                              "Invalid value for '" + std::string(name) + "': must be at " +
                                  (low ? "least " : "most ") + std::to_string(low ? min : max) +
                                  "."));
    }
    return number;
}

Result<std::optional<std::string_view>> read_text(const json::object& object,
                                                  std::string_view name) {
    const auto* value = member(object, name);
    if (value == nullptr) return std::nullopt;
    const auto* text = value->if_string();
    if (text == nullptr) return fail(wrong_type(name, "a string"));
    return std::string_view(*text);
}

Result<std::string_view> require_text(const json::object& object, std::string_view name) {
    const auto text = read_text(object, name);
    if (!text) return fail(text.error());
    if (!*text || (*text)->empty()) return fail(missing_field(name));
    return **text;
}

}  // namespace headrace::protocols::openai
