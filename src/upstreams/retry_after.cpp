#include "upstreams/retry_after.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "upstreams/http_date.hpp"

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

std::int64_t seconds_until(const http::Headers& headers, const Clock& ours) {
    const auto text = headers.find("retry-after");
    // A date begins with the name of a day.
    if (!text || text->empty() || text->front() < 'A' || text->front() > 'Z') return 0;
    const WallMs now = ours.wall();
    const auto until = from_http_date(*text, now);
    if (!until) return 0;
    const auto said = headers.find("date");
    const WallMs since = said ? from_http_date(*said, now).value_or(now) : now;
    return std::clamp<std::int64_t>((*until - since + 999) / 1'000, 0, kMost);
}

}  // namespace

int retry_after(const http::Headers& headers, const Clock& ours) {
    auto seconds = seconds_in(headers, "retry-after-ms", 1'000);
    if (seconds == 0) seconds = seconds_in(headers, "retry-after", 1);
    if (seconds == 0) seconds = seconds_until(headers, ours);
    return static_cast<int>(seconds);
}

}  // namespace headrace::upstreams
