// headrace requests
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "config/config.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/commands/setting_flags.hpp"
#include "main/request_search.hpp"
#include "main/settings.hpp"

namespace headrace::main {
namespace {

constexpr std::size_t kShown = 60;  // bytes of a text in the table

struct RequestOptions {
    SettingFlags settings;
    RequestQuery query;
    std::string from;
    std::string to;
    std::optional<std::int64_t> limit;
    std::string format = "table";
};

/// "2026-11-24" is the day's first moment in UTC; "" no time at all.
Result<WallMs> time_of(const std::string& text, const char* option) {
    if (text.empty()) return 0;
    constexpr std::size_t kDayLength = 10;
    const auto time = from_rfc3339(text.size() == kDayLength ? text + "T00:00:00Z" : text);
    if (time) return *time;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} takes a day such as 2026-11-24, or an RFC 3339 time", option));
}

/// One line, short enough for a table.
std::string short_text(const json::value& line, const char* name) {
    auto text = show(line, name);
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    const auto kept = cut_text(text, kShown);
    return kept.size() < text.size() ? std::string(kept) + "…" : text;
}

std::string table_of(const RequestMatches& matches) {
    bool bodies = false;
    for (const auto& line : matches.lines) bodies |= line.contains("request");
    std::vector<std::string> headings{"at",     "job",        "key",   "model", "outcome",
                                      "prompt", "completion", "first", "total"};
    if (bodies) headings.insert(headings.end(), {"request", "answer"});
    Table table(std::move(headings));
    for (const auto& object : matches.lines) {
        const json::value line = object;
        const auto ms = [&line](const char* name) {
            const auto text = show(line, name);
            return text.empty() ? text : text + " ms";
        };
        auto code = show(line, "code");
        if (code.empty()) code = show(line, "status");
        std::vector<std::string> row{show_time(show(line, "at")),
                                     show(line, "job"),
                                     show(line, "key"),
                                     show(line, "model"),
                                     code.empty() ? show(line, "outcome") : code,
                                     show(line, "prompt_tokens"),
                                     show(line, "completion_tokens"),
                                     ms("first_token_ms"),
                                     ms("total_ms")};
        if (bodies) {
            row.push_back(short_text(line, "request"));
            row.push_back(short_text(line, "answer"));
        }
        table.add(std::move(row));
    }
    return table.text("no requests");
}

Result<std::filesystem::path> folder_of(const RequestOptions& options) {
    auto sources = sources_of(options.settings);
    if (!sources) return fail(sources.error());
    const auto config = config::load(config::declared(), *sources);
    if (!config) return fail(config.error());
    auto folder = request_log_folder(*config);
    std::error_code error;
    if (std::filesystem::is_directory(folder, error)) return folder;
    return fail(ErrorCode::not_found,
                folder.string() +
                    " is not there: set request_log.enabled and start the server, "
                    "and run this on its machine, as its user");
}

int show_requests(const RequestOptions& options) {
    auto query = options.query;
    const auto from = time_of(options.from, "--from");
    if (!from) return report_misuse(from.error());
    const auto to = time_of(options.to, "--to");
    if (!to) return report_misuse(to.error());
    query.from = *from;
    query.to = *to;
    if (options.limit) {
        if (*options.limit < 1) {
            return report_misuse({ErrorCode::invalid_argument, "--limit is at least 1", {}, 0});
        }
        query.limit = static_cast<std::size_t>(*options.limit);
    }
    const auto folder = folder_of(options);
    if (!folder) return report_misuse(folder.error());
    const auto matches = search_requests(*folder, query);
    if (!matches) return report_misuse(matches.error());
    if (options.format == "json") {
        json::array lines;
        for (const auto& line : matches->lines) lines.push_back(line);
        print(pretty_json(json::object{{"requests", std::move(lines)}}));
    } else {
        print(table_of(*matches));
    }
    if (matches->unreadable > 0) {
        print_error(fmt::format("headrace: {} lines could not be read", matches->unreadable));
    }
    return kOk;
}

}  // namespace

void add_requests(Command& root) {
    auto command = root.command("requests", "search the request log of this machine's server");
    const auto options = std::make_shared<RequestOptions>();
    add_config_flags(command, options->settings);
    command.option("--data", options->settings.data, "the data folder").value_name("DIR");
    command.option("--from", options->from, "first day, or time").value_name("DAY");
    command.option("--to", options->to, "the day, or time, before which it ends").value_name("DAY");
    command.option("--model", options->query.model, "only this model").value_name("ID");
    command.option("--key", options->query.key, "only calls with this key's id").value_name("ID");
    command.option("--tenant", options->query.tenant, "only this tenant's").value_name("NAME");
    command.option("--outcome", options->query.outcome, "only jobs that ended so")
        .choices({"succeeded", "failed", "cancelled", "expired"});
    command
        .option("--text", options->query.text, "part of what was asked or answered, or a job's id")
        .value_name("TEXT");
    command.option("--limit", options->limit, "the newest, so many (50)").value_name("N");
    command.option("-o,--format", options->format, "how to print").choices({"table", "json"});
    command.action([options] { return show_requests(*options); });
    command.footer(
        "Reads the files of request_log.folder, which only the server's user may read.\n"
        "Texts are there only where request_log.bodies is set.");
}

}  // namespace headrace::main
