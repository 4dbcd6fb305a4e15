// headrace console
#include <memory>

#include <fmt/format.h>

#include "main/commands/api.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

int console(const Connection& connection) {
    auto api = Api::open(connection, true);
    if (!api) return report_misuse(api.error());
    const auto link = api->post("/session/links");
    if (!link) return report(link.error());
    if (connection.json()) {
        print(pretty_json(*link));
        return kOk;
    }
    auto base = connection.control;
    while (base.ends_with('/')) base.pop_back();
    // The address alone on standard output, for `xdg-open $(headrace console)`.
    print(base + show(*link, "path") + "\n");
    print_error(
        fmt::format("signs in as your key, once, until {}", show_time(show(*link, "expires_at"))));
    return kOk;
}

}  // namespace

void add_console(Command& root) {
    const auto connection = std::make_shared<Connection>();
    auto command = root.command("console", "print an address that signs in to the console, once");
    add_connection(command, *connection, true);
    command.action([connection] { return console(*connection); });
}

}  // namespace headrace::main
