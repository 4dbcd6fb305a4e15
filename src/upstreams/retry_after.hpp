#pragma once

#include "base/clock.hpp"
#include "http/message.hpp"

namespace headrace::upstreams {

/// Seconds that a server asks to be left alone for: `retry-after-ms`, else `retry-after` as a
/// number or as a date. A date counts from the answer's own `Date`, so that it does not matter how
/// the server's clock goes; without one, from `ours`. 0 when it does not say, or names a time that
/// is over. At most an hour.
int retry_after(const http::Headers& headers, const Clock& ours = SystemClock());

}  // namespace headrace::upstreams
