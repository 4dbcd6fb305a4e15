#include "upstreams/http_date.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace headrace::upstreams {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Takes a text apart from its front. Once something is missing, nothing is found any more.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    void literal(std::string_view word) {
        if (rest_.starts_with(word))
            rest_.remove_prefix(word.size());
        else
            sound_ = false;
    }
    int number(std::size_t digits) {
        int value = 0;
        if (rest_.size() < digits) sound_ = false;
        for (std::size_t i = 0; sound_ && i < digits; ++i) {
            sound_ = rest_[i] >= '0' && rest_[i] <= '9';
            value = value * 10 + (rest_[i] - '0');
        }
        if (sound_) rest_.remove_prefix(digits);
        return sound_ ? value : 0;
    }
    /// Of asctime(): a blank in place of the first digit.
    int padded_day() {
        if (!rest_.starts_with(' ')) return number(2);
        literal(" ");
        return number(1);
    }
    unsigned month() {
        const auto at = std::find(kMonths.begin(), kMonths.end(), rest_.substr(0, 3));
        if (at == kMonths.end()) sound_ = false;
        if (sound_) rest_.remove_prefix(3);
        return static_cast<unsigned>(at - kMonths.begin()) + 1;
    }
    std::chrono::seconds time_of_day() {
        const int hour = number(2);
        literal(":");
        const int minute = number(2);
        literal(":");
        const int second = number(2);
        if (hour > 23 || minute > 59 || second > 60) sound_ = false;  // 60: a leap second
        return std::chrono::hours(hour) + std::chrono::minutes(minute) +
               std::chrono::seconds(second);
    }
    [[nodiscard]] bool at_end() const { return sound_ && rest_.empty(); }

  private:
    std::string_view rest_;
    bool sound_ = true;
};

/// What follows the name of a day; `name` is the short or the long one.
std::string_view after_day(std::string_view text, bool whole) {
    for (const auto day : kDays) {
        const auto name = whole ? day : day.substr(0, 3);
        if (text.starts_with(name)) return text.substr(name.size());
    }
    return {};
}

struct Date {
    int year = 0;
    unsigned month = 0;
    int day = 0;
    std::chrono::seconds time{};
    bool sound = false;
};

Date fixed_form(Scanner in) {
    Date out;
    in.literal(", ");
    out.day = in.number(2);
    in.literal(" ");
    out.month = in.month();
    in.literal(" ");
    out.year = in.number(4);
    in.literal(" ");
    out.time = in.time_of_day();
    in.literal(" GMT");
    out.sound = in.at_end();
    return out;
}

Date long_form(Scanner in, int this_year) {
    Date out;
    in.literal(", ");
    out.day = in.number(2);
    in.literal("-");
    out.month = in.month();
    in.literal("-");
    out.year = this_year - this_year % 100 + in.number(2);
    in.literal(" ");
    out.time = in.time_of_day();
    in.literal(" GMT");
    out.sound = in.at_end();
    if (out.year > this_year + 50) out.year -= 100;
    if (out.year <= this_year - 50) out.year += 100;
    return out;
}

Date asctime_form(Scanner in) {
    Date out;
    in.literal(" ");
    out.month = in.month();
    in.literal(" ");
    out.day = in.padded_day();
    in.literal(" ");
    out.time = in.time_of_day();
    in.literal(" ");
    out.year = in.number(4);
    out.sound = in.at_end();
    return out;
}

}  // namespace

std::optional<WallMs> from_http_date(std::string_view text, WallMs now) {
    using namespace std::chrono;
    Date found;
    if (const auto rest = after_day(text, true); !rest.empty()) {
        const year_month_day today(floor<days>(sys_time<milliseconds>(milliseconds(now))));
        found = long_form(Scanner(rest), int(today.year()));
    } else if (const auto shorter = after_day(text, false); !shorter.empty()) {
        found = fixed_form(Scanner(shorter));
        if (!found.sound) found = asctime_form(Scanner(shorter));
    }
    const year_month_day date(year(found.year), month(found.month),
                              day(static_cast<unsigned>(found.day)));
    if (!found.sound || !date.ok()) return std::nullopt;
    return duration_cast<milliseconds>(sys_days(date).time_since_epoch() + found.time).count();
}

}  // namespace headrace::upstreams
