// headrace requests
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "config/config.hpp"
#include "http/message.hpp"
#include "main/commands/api.hpp"
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
    Connection connection;
    RequestQuery query;
    std::string from;
    std::string to;
    std::optional<std::int64_t> status;
    std::optional<std::int64_t> limit;

    /// A server is asked where one is named and no folder is.
    [[nodiscard]] bool remote() const {
        return !connection.control.empty() && settings.data.empty() && settings.config.empty();
    }
};

/// The newest that match, oldest first.
struct Found {
    std::vector<json::object> lines;
    std::size_t unreadable = 0;
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

std::string table_of(const Found& found) {
    bool bodies = false;
    for (const auto& line : found.lines) bodies |= line.contains("request");
    std::vector<std::string> headings{"at",     "job",        "key",   "model", "outcome",
                                      "prompt", "completion", "first", "total"};
    if (bodies) headings.insert(headings.end(), {"request", "answer"});
    Table table(std::move(headings));
    for (const auto& object : found.lines) {
        const json::value line = object;
        const auto ms = [&line](const char* name) {
            const auto text = show(line, name);
            return text.empty() ? text : text + " ms";
        };
        const auto job = show(line, "job");
        auto code = show(line, "code");
        if (code.empty()) code = show(line, "status");
        std::vector<std::string> row{show_time(show(line, "at")),
                                     job.empty() ? "req_" + show(line, "trace") : job,
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

/// As many pages as it takes.
template <class NextPage>
Result<Found> gather(RequestQuery query, NextPage next_page) {
    Found found;
    do {
        auto page = next_page(query);
        if (!page) return fail(std::move(page).error());
        found.unreadable += page->unreadable;
        query.limit -= std::min(query.limit, page->lines.size());
        std::move(page->lines.begin(), page->lines.end(), std::back_inserter(found.lines));
        query.cursor = std::move(page->next_cursor);
    } while (query.limit > 0 && !query.cursor.empty());
    std::reverse(found.lines.begin(), found.lines.end());
    return found;
}

std::string path_of(const RequestQuery& query) {
    constexpr std::size_t kMostOfPage = 200;
    std::string path = fmt::format("/requests?limit={}", std::min(query.limit, kMostOfPage));
    const auto add = [&path](const char* name, const std::string& value) {
        if (!value.empty()) path += fmt::format("&{}={}", name, http::percent_encode(value));
    };
    add("model", query.model);
    add("key", query.key);
    add("tenant", query.tenant);
    add("app", query.app);
    add("user", query.user);
    add("upstream", query.upstream);
    add("outcome", query.outcome);
    if (query.status != 0) add("status", std::to_string(query.status));
    if (query.from != 0) add("from", to_rfc3339(query.from));
    if (query.to != 0) add("to", to_rfc3339(query.to));
    add("text", query.text);
    add("cursor", query.cursor);
    return path;
}

Result<RequestPage> page_of(const json::value& answer) {
    RequestPage page;
    const auto* object = answer.if_object();
    const auto* lines = object ? object->if_contains("requests") : nullptr;
    if (!lines || !lines->is_array()) {
        return fail(ErrorCode::internal, "the server's answer is no list of requests");
    }
    for (const auto& line : lines->get_array()) {
        if (const auto* each = line.if_object()) page.lines.push_back(*each);
    }
    page.next_cursor = show(answer, "next_cursor");
    const auto* unreadable = object->if_contains("unreadable");
    if (unreadable && unreadable->is_int64()) {
        page.unreadable = static_cast<std::size_t>(unreadable->get_int64());
    }
    return page;
}

/// What the server tells, for as many pages as it takes.
Result<Found> ask_server(const RequestOptions& options, const RequestQuery& query) {
    auto api = Api::open(options.connection, true);
    if (!api) return fail(std::move(api).error());
    return gather(query, [&](const RequestQuery& next) -> Result<RequestPage> {
        const auto answer = api->get(path_of(next));
        if (!answer) return fail(answer.error());
        return page_of(*answer);
    });
}

Result<Found> read_files(const RequestOptions& options, const RequestQuery& query) {
    const auto folder = folder_of(options);
    if (!folder) return fail(folder.error());
    constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
    const SearchBounds unbounded{kAll, kAll, std::chrono::hours(24 * 365)};
    return gather(
        query, [&](const RequestQuery& next) { return search_requests(*folder, next, unbounded); });
}

Result<RequestQuery> query_of(const RequestOptions& options) {
    auto query = options.query;
    const auto from = time_of(options.from, "--from");
    if (!from) return fail(from.error());
    const auto to = time_of(options.to, "--to");
    if (!to) return fail(to.error());
    query.from = *from;
    query.to = *to;
    query.status = options.status.value_or(0);
    if (options.limit) {
        if (*options.limit < 1) {
            return fail(ErrorCode::invalid_argument, "--limit is at least 1");
        }
        query.limit = static_cast<std::size_t>(*options.limit);
    }
    return query;
}

int show_requests(const RequestOptions& options) {
    const auto query = query_of(options);
    if (!query) return report_misuse(query.error());
    const auto found = options.remote() ? ask_server(options, *query) : read_files(options, *query);
    if (!found) return options.remote() ? report(found.error()) : report_misuse(found.error());
    if (options.connection.json()) {
        json::array lines;
        for (const auto& line : found->lines) lines.push_back(line);
        print(pretty_json(json::object{{"requests", std::move(lines)}}));
    } else {
        print(table_of(*found));
    }
    if (found->unreadable > 0) {
        print_error(fmt::format("headrace: {} lines could not be read", found->unreadable));
    }
    return kOk;
}

}  // namespace

void add_requests(Command& root) {
    auto command = root.command("requests", "search the request log of a server");
    const auto options = std::make_shared<RequestOptions>();
    options->connection.control = environment_or("HEADRACE_CONTROL_URL", "");
    add_connection(command, options->connection, true);
    add_config_flags(command, options->settings);
    command.option("--data", options->settings.data, "the data folder").value_name("DIR");
    command.option("--from", options->from, "first day, or time").value_name("DAY");
    command.option("--to", options->to, "the day, or time, before which it ends").value_name("DAY");
    command.option("--model", options->query.model, "only this model").value_name("ID");
    command.option("--key", options->query.key, "only calls with this key's id").value_name("ID");
    command.option("--tenant", options->query.tenant, "only this tenant's").value_name("NAME");
    command.option("--app", options->query.app, "only calls with this app's keys")
        .value_name("NAME");
    command.option("--user", options->query.user, "only calls with this user's keys")
        .value_name("NAME");
    command.option("--upstream", options->query.upstream, "only what went to this upstream")
        .value_name("NAME");
    command
        .option("--status", options->status,
                "only where an upstream's own answer, or a refusal, had this HTTP status")
        .value_name("N");
    command.option("--outcome", options->query.outcome, "only calls that ended so")
        .choices({"succeeded", "failed", "cancelled", "expired", "refused"});
    command
        .option("--text", options->query.text,
                "part of what was asked or answered, of a refusal, or the id of a job or request")
        .value_name("TEXT");
    command.option("--limit", options->limit, "the newest, so many (50)").value_name("N");
    command.action([options] { return show_requests(*options); });
    command.footer(
        "Asks the server that --control (or HEADRACE_CONTROL_URL) names, with a key of an "
        "operator\n"
        "or admin. Without it, or with --data or --config, reads the files of request_log.folder,\n"
        "which only the server's user may read, and needs no server.\n"
        "Texts are there only where request_log.bodies is set.");
}

}  // namespace headrace::main
