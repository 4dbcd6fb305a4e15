// headrace queues list|pause|resume|drain|purge
#include <memory>

#include "http/message.hpp"
#include "main/commands/administration.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct QueuesOptions {
    Connection connection;
    std::string version;
};

std::string seconds_at(const json::value& item, std::string_view path) {
    const auto* value = member(item, path);
    return value && value->is_number() ? show_seconds(value->to_number<double>()) : "";
}

std::string mark(const json::value& item) {
    std::string out;
    if (show(item, "paused") == "true") out = "paused";
    if (show(item, "draining") == "true") out += out.empty() ? "draining" : ", draining";
    return out.empty() ? "open" : out;
}

}  // namespace

void add_queues(Command& root) {
    auto group = root.command("queues", "one queue for each version of a capability");
    group.needs_command();
    const auto options = std::make_shared<QueuesOptions>();

    auto list = group.command("list", "queues and how full they are");
    add_connection(list, options->connection, true);
    list.action([options] {
        return print_list(options->connection, "/queues", "queues",
                          {{"queue", "capability"},
                           {"state", "", mark},
                           {"queued", "queued"},
                           {"running", "running"},
                           {"slots", "slots"},
                           {"free", "free_slots"},
                           {"workers", "workers"},
                           {"average run", "",
                            [](const auto& item) { return seconds_at(item, "average_run_s"); }},
                           {"oldest", "", time_at("oldest_queued_at")}},
                          "no queues; start the server with --engine DIR");
    });

    const auto act = [&](const char* name, const char* doc, const char* done) {
        auto command = group.command(name, doc);
        add_connection(command, options->connection, true);
        command.option("version", options->version, "name@version")
            .required()
            .value_name("NAME@VERSION");
        command.action([options, name, done] {
            return act_on(options->connection, "POST",
                          "/queues/" + http::percent_encode(options->version) + "/" + name, done);
        });
        return command;
    };
    act("pause", "keep taking jobs, start none", "paused");
    act("resume", "start jobs again, take them again", "resumed");
    act("drain", "take no new jobs; what is queued still runs", "draining");
    act("purge", "cancel everything that is queued", "purged");
}

}  // namespace headrace::main
