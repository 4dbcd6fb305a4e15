#include "catalog/json_value.hpp"

#include <bit>
#include <cmath>

#include <fmt/format.h>

namespace headrace::catalog {
namespace {

template <class Float>
void append_float(std::string& out, Float number) {
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    fmt::format_to(std::back_inserter(out), "{}", number);
}

std::optional<std::int64_t> integer_from(const json::value& from) {
    constexpr double kExact = 9007199254740992.0;  // 2^53: up to here 3.0 is surely 3
    if (from.is_int64()) return from.get_int64();
    if (const auto* number = from.if_double();
        number && std::trunc(*number) == *number && std::fabs(*number) <= kExact) {
        return static_cast<std::int64_t>(*number);
    }
    return std::nullopt;
}

}  // namespace

bool scalar_from_json(Kind kind, const json::value& from, Value& to) {
    switch (kind) {
        case Kind::text:
        case Kind::string:
        case Kind::enumeration:
            if (!from.is_string()) return false;
            to = std::string(from.get_string());
            return true;
        case Kind::integer: {
            const auto number = integer_from(from);
            if (number) to = *number;
            return number.has_value();
        }
        case Kind::floating:
            if (!from.is_number()) return false;
            to = from.to_number<double>();
            return true;
        case Kind::boolean:
            if (!from.is_bool()) return false;
            to = from.get_bool();
            return true;
        case Kind::time: {
            if (!from.is_string()) return false;
            const auto time = from_rfc3339(from.get_string());
            if (time) to = Time{*time};
            return time.has_value();
        }
        default:
            return false;
    }
}

std::optional<DataUrl> parse_data_url(std::string_view text) {
    constexpr std::string_view kScheme = "data:";
    constexpr std::string_view kBase64 = ";base64";
    if (text.substr(0, kScheme.size()) != kScheme) return std::nullopt;
    const auto comma = text.substr(0, 512).find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    auto head = text.substr(kScheme.size(), comma - kScheme.size());
    if (!head.ends_with(kBase64)) return std::nullopt;
    head.remove_suffix(kBase64.size());
    return DataUrl{std::string(head), text.substr(comma + 1)};
}

void append_number(std::string& out, double number) {
    append_float(out, number);
}
void append_number(std::string& out, float number) {
    append_float(out, number);
}

std::uint16_t to_half(float number) {
    const auto bits = std::bit_cast<std::uint32_t>(number);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
    const std::uint32_t magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) return static_cast<std::uint16_t>(sign | 0x7E00);  // NaN
    if (magnitude >= 0x477FF000)
        return static_cast<std::uint16_t>(sign | 0x7C00);  // rounds to infinity
    if (magnitude < 0x38800000) {
        // Subnormal half: adding 0.5 lets the adder round to a multiple of 2^-24.
        const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
        return static_cast<std::uint16_t>(sign |
                                          (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000));
    }
    const std::uint32_t odd = (magnitude >> 13) & 1;
    return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000 + 0xFFF + odd) >> 13));
}

float from_half(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1F;
    const std::uint32_t mantissa = bits & 0x3FF;
    if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000 | (mantissa << 13));
    if (exponent == 0) {
        const float value = std::ldexp(static_cast<float>(mantissa), -24);
        return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

std::uint16_t to_bfloat(float number) {
    const auto bits = std::bit_cast<std::uint32_t>(number);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
    return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float from_bfloat(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

}  // namespace headrace::catalog
