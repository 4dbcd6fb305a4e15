#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace headrace::main {

/// What is looked for in the request log; an empty text and a zero time match everything.
struct RequestQuery {
    WallMs from = 0;
    WallMs to = 0;  // before it
    std::string model;
    std::string key;
    std::string tenant;
    std::string outcome;
    std::string text;  // part of what was asked or answered, or a job's id; ASCII case is ignored
    std::size_t limit = 50;
};

struct RequestMatches {
    std::vector<json::object> lines;  // the newest that match, oldest first
    std::size_t unreadable = 0;       // lines that are none, such as one cut off by a full disk
};

/// Reads the files of the days asked for, the newest first, until there are enough. Error
/// unavailable: one cannot be read.
Result<RequestMatches> search_requests(const std::filesystem::path& folder,
                                       const RequestQuery& query);

}  // namespace headrace::main
