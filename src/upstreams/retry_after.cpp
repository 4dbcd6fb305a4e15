#include "upstreams/retry_after.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace headrace::upstreams {
namespace {

constexpr std::int64_t kMost = 3'600;

std::int64_t seconds_in(const http::Headers& headers, std::string_view name, std::int64_t divisor) {
    const auto text = headers.find(name);
    if (!text) return 0;
    std::int64_t number = 0;
    const char* end = text->data() + text->size();
    const auto got = std::from_chars(text->data(), end, number);
    if (got.ec == std::errc::result_out_of_range && got.ptr == end && text->front() != '-') {
        return kMost;
    }
    if (got.ec != std::errc() || got.ptr != end || number < 0) return 0;
    return std::min(number / divisor + (number % divisor != 0 ? 1 : 0), kMost);
}

}  // namespace

int retry_after(const http::Headers& headers) {
    const auto exact = seconds_in(headers, "retry-after-ms", 1'000);
    return static_cast<int>(exact > 0 ? exact : seconds_in(headers, "retry-after", 1));
}

}  // namespace headrace::upstreams
