#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "protocols/native/request_query.hpp"

namespace headrace::main {

using protocols::native::RequestPage;
using protocols::native::RequestQuery;

/// What one search may cost. Beyond it the page ends early, with a cursor to go on from.
inline constexpr std::uint64_t kMostSearched = 64 << 20;  // bytes read
inline constexpr std::chrono::milliseconds kLongestSearch{1'000};
inline constexpr std::uint64_t kMostFound = 4 << 20;  // bytes of the lines that match

struct SearchBounds {
    std::uint64_t searched = kMostSearched;
    std::uint64_t found = kMostFound;
    std::chrono::milliseconds time = kLongestSearch;
};

/// Reads the files from the newest line back, until there are enough or the bounds are reached; one
/// line at least. Error unavailable: a file cannot be read; invalid_argument: the cursor.
Result<RequestPage> search_requests(const std::filesystem::path& folder, const RequestQuery& query,
                                    const SearchBounds& bounds = {});

}  // namespace headrace::main
