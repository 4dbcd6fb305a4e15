// headrace workers list|drain|remove
#include <memory>

#include "http/message.hpp"
#include "main/commands/administration.hpp"
#include "main/commands/commands.hpp"

namespace headrace::main {
namespace {

struct WorkersOptions {
    Connection connection;
    std::string id;
};

}  // namespace

void add_workers(Command& root) {
    auto group = root.command("workers", "processes that run engines");
    group.needs_command();
    const auto options = std::make_shared<WorkersOptions>();

    auto list = group.command("list", "workers and what they do");
    add_connection(list, options->connection, true);
    list.action([options] {
        return print_list(options->connection, "/workers", "workers",
                          {{"id", "id"},
                           {"name", "name"},
                           {"host", "host"},
                           {"pid", "pid"},
                           {"state", "state"},
                           {"running", "running"},
                           {"slots", "slots"},
                           {"versions", "", texts_at("versions")},
                           {"gpus", "", texts_at("gpus")},
                           {"since", "", time_at("since")}},
                          "no workers; start the server with --engine DIR, or run headrace worker");
    });

    const auto act = [&](const char* name, const char* doc, const char* done) {
        auto command = group.command(name, doc);
        add_connection(command, options->connection, true);
        command.option("id", options->id, "id of the worker").required().value_name("ID");
        command.action([options, name, done] {
            return act_on(options->connection, "POST",
                          "/workers/" + http::percent_encode(options->id) + "/" + name, done);
        });
    };
    act("drain", "give it no new jobs; what runs goes on", "draining");
    act("remove", "drain it, then end it", "it ends when its jobs have");
}

}  // namespace headrace::main
