// headrace usage
#include <sys/ioctl.h>
#include <unistd.h>

#include <memory>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "main/commands/api.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/commands/usage_view.hpp"

namespace headrace::main {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

struct UsageOptions {
    Connection connection;
    std::string by = "day,model";
    std::string from;
    std::string to;
    std::string tenant;
    std::string capability;
    std::optional<std::int64_t> days;
    bool plot = false;
};

std::size_t terminal_columns() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const auto set = environment_or("COLUMNS", "80");
    const auto columns = std::strtoul(set.c_str(), nullptr, 10);
    return columns > 0 ? columns : 80;
}

/// "2026-11-24" is the day's first moment in UTC.
Result<std::string> time_of(const std::string& text, const char* option) {
    if (text.empty()) return text;
    constexpr std::size_t kDayLength = 10;
    const auto whole = text.size() == kDayLength ? text + "T00:00:00Z" : text;
    if (!from_rfc3339(whole)) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} takes a day such as 2026-11-24, or an RFC 3339 time", option));
    }
    return whole;
}

Result<std::string> path_of(const UsageOptions& options) {
    auto from = time_of(options.from, "--from");
    if (!from) return from;
    auto to = time_of(options.to, "--to");
    if (!to) return to;
    if (from->empty() && options.days) {
        const auto today = SystemClock().wall() / kDayMs * kDayMs;
        from = to_rfc3339(today - (*options.days - 1) * kDayMs);
    }
    std::string path = "/usage/summary?by=" + http::percent_encode(options.by);
    const auto add = [&path](const char* name, const std::string& value) {
        if (!value.empty()) path += fmt::format("&{}={}", name, http::percent_encode(value));
    };
    add("from", *from);
    add("to", *to);
    add("tenant", options.tenant);
    add("capability", options.capability);
    return path;
}

int show_usage(const UsageOptions& options) {
    const auto path = path_of(options);
    if (!path) return report_misuse(path.error());
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto summary = api->get(*path);
    if (!summary) return report(summary.error());
    if (options.plot) {
        print(usage_plot(*summary, terminal_columns()));
    } else if (options.connection.json()) {
        print(pretty_json(*summary));
    } else if (options.connection.format == "csv") {
        print(usage_csv(*summary));
    } else {
        print(usage_table(*summary));
    }
    if (show(*summary, "complete") == "false") {
        print_error("headrace: there is more usage than one summary reads; ask for less time");
        return kFailed;
    }
    return kOk;
}

}  // namespace

void add_usage(Command& root) {
    auto command = root.command("usage", "what was used, by key, app, model, day or hour");
    const auto options = std::make_shared<UsageOptions>();
    add_connection(command, options->connection, true, {"table", "csv", "json"});
    command
        .option("--by", options->by,
                "what to add up by: key, app, model, day, hour, with commas between")
        .value_name("LIST");
    command.option("--from", options->from, "first day, or time").value_name("DAY");
    command.option("--to", options->to, "the day, or time, before which it ends").value_name("DAY");
    command.option("--days", options->days, "today and the days before it, so many in all")
        .value_name("N");
    command.option("--capability", options->capability, "only this capability").value_name("NAME");
    command.option("--tenant", options->tenant, "another tenant's, for a system admin")
        .value_name("NAME");
    command.flag("--plot", options->plot, "bars in the terminal");
    command.action([options] { return show_usage(*options); });
}

}  // namespace headrace::main
