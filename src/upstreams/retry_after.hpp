#pragma once

#include "http/message.hpp"

namespace headrace::upstreams {

/// Seconds that a server asks to be left alone for: `retry-after-ms`, else `retry-after` as a
/// number. 0 when it does not say, or says a date: its clock is not ours. At most an hour.
int retry_after(const http::Headers& headers);

}  // namespace headrace::upstreams
