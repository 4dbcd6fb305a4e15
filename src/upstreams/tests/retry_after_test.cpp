#include "upstreams/retry_after.hpp"

#include <gtest/gtest.h>

#include "upstreams/http_date.hpp"

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
    for (const char* none : {"", "0", "-5", "1.5", "5 ", "-9999999999999999999999"}) {
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

class FixedClock final : public Clock {
  public:
    [[nodiscard]] SteadyTime now() const override { return {}; }
    [[nodiscard]] WallMs wall() const override { return time; }
    WallMs time = 0;
};

TEST(RetryAfter, ADateCountsFromTheAnswersOwn) {
    FixedClock ours;
    ours.time = from_rfc3339("2031-01-01T00:00:00Z").value();  // years off
    const auto asked_until = [&ours](const char* until, const char* said) {
        http::Headers headers;
        headers.add("Retry-After", until);
        headers.add("Date", said);
        return retry_after(headers, ours);
    };
    constexpr const char* kSaid = "Wed, 21 Oct 2026 07:28:00 GMT";
    EXPECT_EQ(asked_until("Wed, 21 Oct 2026 07:28:30 GMT", kSaid), 30);
    EXPECT_EQ(asked_until("Wednesday, 21-Oct-26 07:28:31 GMT", kSaid), 31);
    EXPECT_EQ(asked_until("Wed Oct 21 07:28:32 2026", kSaid), 32);
    EXPECT_EQ(asked_until("Thu, 22 Oct 2026 07:28:00 GMT", kSaid), 3'600);
    EXPECT_EQ(asked_until("Wed, 21 Oct 2026 07:28:00 GMT", kSaid), 0);
    EXPECT_EQ(asked_until("Fri, 31 Dec 1999 23:59:59 GMT", kSaid), 0);
}

TEST(RetryAfter, ADateCountsFromOurClockWhereTheServerHasNone) {
    FixedClock ours;
    ours.time = from_rfc3339("2026-10-21T07:27:59.250Z").value();
    http::Headers headers;
    headers.add("Retry-After", "Wed, 21 Oct 2026 07:28:09 GMT");
    EXPECT_EQ(retry_after(headers, ours), 10);
    headers.add("Date", "yesterday");
    EXPECT_EQ(retry_after(headers, ours), 10);
    headers.set("Retry-After", "Wed, 21 Oct 9999 07:28:09 GMT");
    EXPECT_EQ(retry_after(headers, ours), 3'600);
}

TEST(HttpDate, HasThreeForms) {
    const WallMs now = from_rfc3339("2026-06-01T00:00:00Z").value();
    const WallMs then = from_rfc3339("1994-11-06T08:49:37Z").value();
    EXPECT_EQ(from_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now), then);
    EXPECT_EQ(from_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), then);
    EXPECT_EQ(from_http_date("Sun Nov  6 08:49:37 1994", now), then);
    EXPECT_EQ(from_http_date("Sun Nov 16 08:49:37 1994", now), then + 10 * 86'400'000LL);
}

TEST(HttpDate, AYearOfTwoDigitsLiesAtMostFiftyYearsAhead) {
    const auto year_of = [](const char* text, const char* now) {
        const auto read = from_http_date(text, from_rfc3339(now).value());
        return read ? to_rfc3339(*read).substr(0, 4) : "none";
    };
    EXPECT_EQ(year_of("Monday, 01-Jan-76 00:00:00 GMT", "2026-06-01T00:00:00Z"), "2076");
    EXPECT_EQ(year_of("Monday, 01-Jan-77 00:00:00 GMT", "2026-06-01T00:00:00Z"), "1977");
    EXPECT_EQ(year_of("Monday, 01-Jan-05 00:00:00 GMT", "2098-06-01T00:00:00Z"), "2105");
}

TEST(HttpDate, AnythingElseIsNone) {
    for (const char* none : {"",
                             "Sun",
                             "Sun,",
                             "Sun, ",
                             "Sun, 06 Nov 1994 08:49:37",
                             "Sun, 06 Nov 1994 08:49:37 CET",
                             "Sun, 06 Nov 1994 08:49:37 GMT ",
                             "sun, 06 Nov 1994 08:49:37 GMT",
                             "Sun, 6 Nov 1994 08:49:37 GMT",
                             "Sun, 06 nov 1994 08:49:37 GMT",
                             "Sun, 31 Feb 1994 08:49:37 GMT",
                             "Sun, 00 Nov 1994 08:49:37 GMT",
                             "Sun, 06 Nov 1994 24:49:37 GMT",
                             "Sun, 06 Nov 1994 08:60:37 GMT",
                             "Sun, 06 Nov 1994 08:49:61 GMT",
                             "Sun, -6 Nov 1994 08:49:37 GMT",
                             "Sunday, 06-Nov-1994 08:49:37 GMT",
                             "Sunday, 06 Nov 94 08:49:37 GMT",
                             "Sun Nov 6 08:49:37 1994",
                             "Sun Nov  6 08:49:37 94",
                             "Nov  6 08:49:37 1994"}) {
        EXPECT_EQ(from_http_date(none, 0), std::nullopt) << none;
    }
}

}  // namespace
}  // namespace headrace::upstreams
