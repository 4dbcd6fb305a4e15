// headrace jobs list|show|watch|logs|cancel|retry
#include <memory>

#include <fmt/format.h>

#include "http/message.hpp"
#include "main/commands/api.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/follow.hpp"
#include "main/commands/job_view.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct JobsOptions {
    Connection connection;
    std::string id;
    std::string state;
    std::string capability;
    std::optional<std::int64_t> limit;
    std::string output;
};

std::string path_of(const std::string& id, std::string_view rest = "") {
    return fmt::format("/jobs/{}{}", http::percent_encode(id), rest);
}

int list(const JobsOptions& options) {
    auto api = Api::open(options.connection);
    if (!api) return report_misuse(api.error());
    std::string path = fmt::format("/jobs?limit={}", options.limit.value_or(50));
    if (!options.state.empty()) path += "&state=" + http::percent_encode(options.state);
    if (!options.capability.empty())
        path += "&capability=" + http::percent_encode(options.capability);
    const auto jobs = api->get(path);
    if (!jobs) return report(jobs.error());
    if (options.connection.json()) {
        print(pretty_json(*jobs));
        return kOk;
    }
    Table table({"id", "capability", "state", "attempt", "created", "took"});
    if (const auto* items = member(*jobs, "jobs"); items && items->is_array()) {
        for (const auto& job : items->get_array()) {
            table.add({show(job, "id"), show(job, "capability"), show(job, "state"),
                       show(job, "attempt"), show_time(show(job, "created_at")), job_took(job)});
        }
    }
    print(table.text("no jobs; try: headrace call NAME"));
    if (const auto* more = member(*jobs, "next_cursor"); more && more->is_string()) {
        print(fmt::format("older ones follow; --limit shows more, at most 200\n"));
    }
    return kOk;
}

int show_job(const JobsOptions& options) {
    auto api = Api::open(options.connection);
    if (!api) return report_misuse(api.error());
    const auto job = api->get(path_of(options.id));
    if (!job) return report(job.error());
    print(options.connection.json() ? pretty_json(*job) : job_text(*job));
    return kOk;
}

int watch(const JobsOptions& options) {
    auto api = Api::open(options.connection);
    if (!api) return report_misuse(api.error());
    Follow follow(*api, options.connection.json(), options.output);
    return follow.existing(options.id);
}

int logs(const JobsOptions& options) {
    auto api = Api::open(options.connection);
    if (!api) return report_misuse(api.error());
    const auto result = api->events(
        path_of(options.id, "/events"), std::nullopt, "0", [&](const http::SseEvent& event) {
            if (event.event == "done") return false;
            if (event.event != "log") return true;
            if (options.connection.json()) {
                print(event.data + "\n");
                return true;
            }
            const auto line = parse_json(event.data);
            if (line) {
                print(fmt::format("{}  {:6}  {}\n", show_time(show(*line, "at")),
                                  show(*line, "stream"), show(*line, "line")));
            }
            return true;
        });
    return result ? static_cast<int>(kOk) : report(result.error());
}

int act(const JobsOptions& options, std::string_view verb) {
    auto api = Api::open(options.connection);
    if (!api) return report_misuse(api.error());
    const auto reply = api->send("POST", path_of(options.id, fmt::format("/{}", verb)));
    if (!reply) return report(reply.error());
    if (options.connection.json()) {
        print(pretty_json(reply->body));
    } else if (verb == "retry") {
        print(fmt::format("new job {}\n", show(reply->body, "id")));
    } else {
        print(reply->status == 202 ? "the engine was told to stop\n" : "cancelled\n");
    }
    return kOk;
}

}  // namespace

void add_jobs(Command& root) {
    auto group = root.command("jobs", "look at jobs and act on them");
    group.needs_command();
    const auto options = std::make_shared<JobsOptions>();
    const auto add = [&](const char* name, const char* doc, int (*run)(const JobsOptions&)) {
        auto command = group.command(name, doc);
        add_connection(command, options->connection);
        command.action([options, run] { return run(*options); });
        return command;
    };
    const auto with_id = [&](Command command) {
        command.option("id", options->id, "id of the job").required().value_name("ID");
    };
    auto list_command = add("list", "jobs, newest first", list);
    list_command.option("--state", options->state, "only jobs in this state")
        .choices({"queued", "running", "succeeded", "failed", "cancelled", "expired"});
    list_command.option("--capability", options->capability, "only jobs of this capability")
        .value_name("NAME");
    list_command.option("--limit", options->limit, "how many, at most 200").value_name("N");
    with_id(add("show", "one job in full", show_job));
    auto watch_command = add("watch", "follow a job to its end", watch);
    with_id(watch_command);
    watch_command.option("--output", options->output, "where to save a media output")
        .value_name("FILE");
    with_id(add("logs", "what the engine wrote while it ran the job", logs));
    with_id(add("cancel", "stop a job, wherever it stands",
                [](const JobsOptions& given) { return act(given, "cancel"); }));
    with_id(add("retry", "run a failed, cancelled or expired job again, as a new job",
                [](const JobsOptions& given) { return act(given, "retry"); }));
}

}  // namespace headrace::main
