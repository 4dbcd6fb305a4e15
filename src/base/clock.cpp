#include "base/clock.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace headrace {
namespace {

constexpr std::int64_t kMsPerDay = 86'400'000;

bool read_digits(std::string_view& text, std::size_t count, int& value) {
    if (text.size() < count) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return true;
}

void write_digits(char* to, int count, unsigned value) {
    for (char* at = to + count; at != to; value /= 10) *--at = static_cast<char>('0' + value % 10);
}

bool skip(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

SteadyTime SystemClock::now() const {
    return std::chrono::steady_clock::now();
}

WallMs SystemClock::wall() const {
    using std::chrono::system_clock;
    return std::chrono::duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// Digit by digit: it stands three times in every job object, and a format string costs ten times
// as much as the object's other members together.
std::string to_rfc3339(WallMs time) {
    using namespace std::chrono;
    const auto point = sys_time<milliseconds>(milliseconds(time));
    const auto day = floor<days>(point);
    const year_month_day date(day);
    const hh_mm_ss clock(point - day);
    const int year = int(date.year());
    std::string out;
    if (year < 0 || year > 9999) {
        out = fmt::format("{:04}-00-00T00:00:00.000Z", year);
    } else {
        out = "0000-00-00T00:00:00.000Z";
        write_digits(&out[0], 4, static_cast<unsigned>(year));
    }
    char* const rest = out.data() + out.size() - 20;  // behind the year
    write_digits(rest + 1, 2, unsigned(date.month()));
    write_digits(rest + 4, 2, unsigned(date.day()));
    write_digits(rest + 7, 2, static_cast<unsigned>(clock.hours().count()));
    write_digits(rest + 10, 2, static_cast<unsigned>(clock.minutes().count()));
    write_digits(rest + 13, 2, static_cast<unsigned>(clock.seconds().count()));
    write_digits(rest + 16, 3, static_cast<unsigned>(clock.subseconds().count()));
    return out;
}

Result<WallMs> from_rfc3339(std::string_view text) {
    const auto bad = [] {
        return fail(ErrorCode::invalid_argument,
                    "not an RFC 3339 time such as 2026-01-31T12:00:00Z");
    };
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    if (!(read_digits(text, 4, y) && skip(text, "-") && read_digits(text, 2, mo) &&
          skip(text, "-") && read_digits(text, 2, d) && skip(text, "Tt ") &&
          read_digits(text, 2, h) && skip(text, ":") && read_digits(text, 2, mi) &&
          skip(text, ":") && read_digits(text, 2, s))) {
        return bad();
    }
    int millis = 0;
    if (skip(text, ".")) {
        int digits = 0;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            if (digits < 3) millis = millis * 10 + (text.front() - '0');
            ++digits;
            text.remove_prefix(1);
        }
        if (digits == 0 || digits > 9) return bad();
        for (; digits < 3; ++digits) millis *= 10;
    }
    std::int64_t offset_minutes = 0;
    if (!skip(text, "Zz")) {
        if (text.empty()) return bad();
        const int sign = text.front() == '-' ? -1 : 1;
        int oh = 0, om = 0;
        if (!(skip(text, "+-") && read_digits(text, 2, oh) && skip(text, ":") &&
              read_digits(text, 2, om)) ||
            oh > 23 || om > 59) {
            return bad();
        }
        offset_minutes = sign * (oh * 60 + om);
    }
    using namespace std::chrono;
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                              day(static_cast<unsigned>(d))};
    if (!text.empty() || !date.ok() || h > 23 || mi > 59 || s > 60) return bad();
    const std::int64_t in_day = ((h * 60LL + mi) * 60 + s) * 1000 + millis;
    return sys_days(date).time_since_epoch().count() * kMsPerDay + in_day - offset_minutes * 60'000;
}

}  // namespace headrace
