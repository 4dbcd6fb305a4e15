// headrace dead-letters list|replay
#include <memory>

#include "http/message.hpp"
#include "main/commands/administration.hpp"
#include "main/commands/commands.hpp"

namespace headrace::main {
namespace {

struct DeadLettersOptions {
    Connection connection;
    std::string job;
};

}  // namespace

void add_dead_letters(Command& root) {
    auto group = root.command("dead-letters", "jobs whose attempts are used up");
    group.needs_command();
    const auto options = std::make_shared<DeadLettersOptions>();

    auto list = group.command("list", "dead letters, newest first");
    add_connection(list, options->connection, true);
    list.action([options] {
        return print_list(options->connection, "/dead-letters", "dead_letters",
                          {{"id", "id"},
                           {"capability", "capability"},
                           {"attempts", "attempt"},
                           {"finished", "", time_at("finished_at")},
                           {"error", "error.message"}},
                          "no dead letters");
    });

    auto replay = group.command("replay", "run one again, as a new job");
    add_connection(replay, options->connection, true);
    replay.option("job", options->job, "id of the dead job").required().value_name("ID");
    replay.action([options] {
        return act_on(options->connection, "POST",
                      "/dead-letters/" + http::percent_encode(options->job) + "/replay",
                      "a new job was made; headrace jobs list shows it");
    });
}

}  // namespace headrace::main
