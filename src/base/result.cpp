#include "base/result.hpp"

#include <array>

namespace headrace {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 15> kWords{{
    {ErrorCode::invalid_argument, "invalid_argument"},
    {ErrorCode::unauthenticated, "unauthenticated"},
    {ErrorCode::permission_denied, "permission_denied"},
    {ErrorCode::not_found, "not_found"},
    {ErrorCode::conflict, "conflict"},
    {ErrorCode::gone, "gone"},
    {ErrorCode::idempotency_clash, "idempotency_clash"},
    {ErrorCode::quota_exceeded, "quota_exceeded"},
    {ErrorCode::too_large, "too_large"},
    {ErrorCode::unsupported_media, "unsupported_media"},
    {ErrorCode::unavailable, "unavailable"},
    {ErrorCode::deadline_exceeded, "deadline_exceeded"},
    {ErrorCode::cancelled, "cancelled"},
    {ErrorCode::engine_failed, "engine_failed"},
    {ErrorCode::internal, "internal"},
}};

}  // namespace

std::string_view to_string(ErrorCode code) {
    for (const auto& [value, word] : kWords) {
        if (value == code) return word;
    }
    return "internal";
}

ErrorCode error_code_from(std::string_view word) {
    for (const auto& [value, text] : kWords) {
        if (text == word) return value;
    }
    return ErrorCode::internal;
}

}  // namespace headrace
