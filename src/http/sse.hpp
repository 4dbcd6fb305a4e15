#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::http {

inline constexpr std::string_view kSseContentType = "text/event-stream; charset=utf-8";
/// How often a waiting stream writes kSseComment, so that proxies and clients see it is alive.
inline constexpr std::chrono::seconds kSseCommentEvery{15};
inline constexpr std::string_view kSseComment = ": keep-alive\n\n";

/// Appends one event. Data with newlines becomes several data lines; a newline in `event` is
/// dropped.
void append_sse(std::string& out, std::optional<std::uint64_t> id, std::string_view event,
                std::string_view data);

}  // namespace headrace::http
