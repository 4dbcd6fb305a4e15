#include "http/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace headrace::http {
namespace {

/// Digits only; what does not fit is as good as infinite.
std::optional<std::uint64_t> number(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc::result_out_of_range ? UINT64_MAX : value;
}

RangeAnswer take_range(std::string_view spec, std::uint64_t size) {
    const RangeAnswer whole{200, 0, size};
    const RangeAnswer outside{416, 0, 0};
    const auto dash = spec.find('-');
    if (dash == std::string_view::npos) return whole;
    const auto first = number(spec.substr(0, dash));
    const auto last = number(spec.substr(dash + 1));
    if (dash == 0) {
        if (!last) return whole;
        const auto length = std::min(*last, size);
        return length == 0 ? outside : RangeAnswer{206, size - length, length};
    }
    if (!first || (!last && dash + 1 < spec.size()) || (last && *last < *first)) return whole;
    if (*first >= size) return outside;
    const auto end = last ? std::min(*last, size - 1) : size - 1;
    return {206, *first, end - *first + 1};
}

}  // namespace

RangeAnswer choose_range(const HeaderView& headers, std::uint64_t size, std::string_view etag) {
    const RangeAnswer whole{200, 0, size};
    const auto range = headers.find("range");
    if (!range) return whole;
    if (const auto condition = headers.find("if-range");
        condition && (*condition != etag || etag.starts_with("W/"))) {
        return whole;
    }
    constexpr std::string_view kUnit = "bytes=";
    if (range->size() < kUnit.size() ||
        !equal_without_case(range->substr(0, kUnit.size()), kUnit) ||
        range->find(',') != std::string_view::npos) {
        return whole;
    }
    return take_range(range->substr(kUnit.size()), size);
}

Response range_head(const RangeAnswer& answer, std::uint64_t size, std::string_view etag,
                    std::string_view content_type) {
    Response head;
    head.status = answer.status;
    head.content_type = content_type;
    head.headers.add("Accept-Ranges", "bytes");
    if (!etag.empty()) head.headers.add("ETag", std::string(etag));
    if (answer.status == 206) {
        head.headers.add("Content-Range", "bytes " + std::to_string(answer.offset) + "-" +
                                              std::to_string(answer.offset + answer.length - 1) +
                                              "/" + std::to_string(size));
    } else if (answer.status == 416) {
        head.headers.add("Content-Range", "bytes */" + std::to_string(size));
    }
    return head;
}

}  // namespace headrace::http
