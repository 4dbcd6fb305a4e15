#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.hpp"

namespace headrace::http {

/// What to send of a resource of known size.
struct RangeAnswer {
    int status = 200;  // 200 whole, 206 part, 416 outside
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// Decides by the Range and If-Range headers. Only one range is served: several, another unit or a
/// malformed header mean the whole (RFC 9110 §14.2 allows it). `etag` with its quotes; an If-Range
/// that is not exactly this strong tag means the whole.
RangeAnswer choose_range(const HeaderView& headers, std::uint64_t size, std::string_view etag);

/// Head for it: status, Content-Range, Accept-Ranges, ETag.
Response range_head(const RangeAnswer& answer, std::uint64_t size, std::string_view etag,
                    std::string_view content_type);

}  // namespace headrace::http
