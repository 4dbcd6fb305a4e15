// headrace config check|show|docs
#include <memory>

#include <fmt/format.h>

#include "config/config.hpp"
#include "config/show.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/commands/setting_flags.hpp"
#include "main/settings.hpp"

namespace headrace::main {
namespace {

struct ConfigOptions {
    SettingFlags flags;
    std::string format = "table";
};

Result<config::Config> load(const ConfigOptions& options) {
    auto sources = sources_of(options.flags);
    if (!sources) return fail(std::move(sources.error()));
    return config::load(config::declared(), *sources);
}

int report_problems(const Error& error) {
    if (error.violations.empty()) print_error("headrace: " + error.message);
    for (const auto& problem : error.violations) print_error("headrace: " + problem.rule);
    return kUsage;
}

int check(const ConfigOptions& options) {
    const auto config = load(options);
    if (!config) return report_problems(config.error());
    const auto settings = server_settings(*config);
    if (!settings) return report_problems(settings.error());
    std::size_t set = 0;
    for (const auto& entry : config->entries()) set += entry.origin != "default" ? 1 : 0;
    print(fmt::format("configuration is sound: {} settings, {} not at their default\n",
                      config->entries().size(), set));
    return kOk;
}

int show_config(const ConfigOptions& options) {
    const auto config = load(options);
    if (!config) return report_problems(config.error());
    if (options.format == "json") {
        print(pretty_json(config::to_json(*config)));
        return kOk;
    }
    Table table({"setting", "value", "origin", "what it does"});
    for (const auto& entry : config->entries()) {
        table.add({entry.setting->name(), config::show_value(*entry.setting, entry.value),
                   entry.origin, std::string(entry.setting->doc)});
    }
    print(table.text("no settings"));
    return kOk;
}

}  // namespace

void add_config(Command& root) {
    auto group = root.command("config", "what the server will run with");
    group.needs_command();
    const auto options = std::make_shared<ConfigOptions>();

    auto check_command =
        group.command("check", "validate every setting and say what is wrong, where");
    add_setting_flags(check_command, options->flags);
    check_command.action([options] { return check(*options); });

    auto show_command = group.command("show", "each setting, its value, and where it came from");
    add_setting_flags(show_command, options->flags);
    show_command.option("-o,--format", options->format, "how to print").choices({"table", "json"});
    show_command.action([options] { return show_config(*options); });

    group.command("docs", "the configuration document, as Markdown").action([] {
        print(config::to_markdown(config::declared()));
        return static_cast<int>(kOk);
    });
}

}  // namespace headrace::main
