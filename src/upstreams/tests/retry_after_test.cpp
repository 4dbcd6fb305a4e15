#include "upstreams/retry_after.hpp"

#include <gtest/gtest.h>

namespace headrace::upstreams {
namespace {

int asked(const char* name, const char* value) {
    http::Headers headers;
    headers.add(name, value);
    return retry_after(headers);
}

TEST(RetryAfter, IsANumberOfSecondsOfAtMostAnHour) {
    EXPECT_EQ(asked("Retry-After", "17"), 17);
    EXPECT_EQ(asked("Retry-After", "3600"), 3'600);
    EXPECT_EQ(asked("Retry-After", "86400"), 3'600);
    EXPECT_EQ(asked("Retry-After", "9999999999999999999999"), 3'600);
    EXPECT_EQ(asked("retry-after-ms", "1200"), 2);
    EXPECT_EQ(asked("retry-after-ms", "9223372036854775807"), 3'600);
    for (const char* none : {"", "0", "-5", "1.5", "5 ", "Wed, 21 Oct 2026 07:28:00 GMT",
                             "-9999999999999999999999"}) {
        EXPECT_EQ(asked("Retry-After", none), 0) << none;
    }
    EXPECT_EQ(retry_after({}), 0);
}

TEST(RetryAfter, MillisecondsAreMoreExact) {
    http::Headers headers;
    headers.add("Retry-After", "9");
    headers.add("Retry-After-Ms", "2500");
    EXPECT_EQ(retry_after(headers), 3);
}

}  // namespace
}  // namespace headrace::upstreams
