#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace headrace::protocols::native {

namespace asio = boost::asio;

/// What is looked for in the request log; an empty text and a zero match everything.
struct RequestQuery {
    WallMs from = 0;
    WallMs to = 0;  // before it
    std::string model;
    std::string key;  // its id
    std::string tenant;
    std::string app;
    std::string user;
    std::string upstream;
    std::string outcome;
    std::int64_t status = 0;
    std::string text;  // part of what was asked or answered, or a job's id; ASCII case is ignored
    std::vector<std::string> of;  // names or model ids that alone may be seen; empty = all
    std::string cursor;           // where the last page ended; empty = at the newest
    std::size_t limit = 50;
};

/// Calls that match, newest first. A page may hold fewer than were asked for, or none, and lead on:
/// one search reads so many bytes and no more.
struct RequestPage {
    std::vector<json::object> lines;
    std::string next_cursor;     // empty: there is nothing older
    WallMs searched_to = 0;      // the oldest call that was looked at; 0 = none
    std::size_t unreadable = 0;  // lines that are none, such as one cut off by a full disk
};

/// invalid_argument with query.cursor: that is none of ours. unavailable: too many search already,
/// or a file cannot be read. From any loop; the files are read elsewhere.
using RequestSearch = std::function<asio::awaitable<Result<RequestPage>>(RequestQuery)>;

}  // namespace headrace::protocols::native
