// headrace serve
#include <memory>

#include "config/config.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/commands/setting_flags.hpp"
#include "main/server.hpp"
#include "main/settings.hpp"

namespace headrace::main {
namespace {

int refuse(const Error& error) {
    print_error("headrace: " + error.message);
    return kUsage;
}

int serve(const SettingFlags& flags) {
    auto sources = sources_of(flags);
    if (!sources) return refuse(sources.error());
    auto config = config::load(config::declared(), *sources);
    if (!config) return refuse(config.error());
    auto settings = server_settings(*config);
    if (!settings) return refuse(settings.error());
    if (auto sent = log::send_to(settings->log.output); !sent) {
        return refuse(sent.error());
    }
    log::start(settings->log.level, settings->log.format);
    auto server = Server::make(std::move(*sources), std::move(*config), std::move(*settings));
    if (!server) return refuse(server.error());
    return (*server)->run();
}

}  // namespace

void add_serve(Command& root) {
    const auto flags = std::make_shared<SettingFlags>();
    auto command = root.command("serve", "take jobs and run them on engines");
    add_setting_flags(command, *flags);
    command.footer(
        "Every setting: headrace config show. SIGTERM drains, SIGHUP reads the settings again.");
    command.action([flags] { return serve(*flags); });
}

}  // namespace headrace::main
