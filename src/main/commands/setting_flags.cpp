#include "main/commands/setting_flags.hpp"

#include "main/commands/api.hpp"

namespace headrace::main {

void add_config_flags(Command& command, SettingFlags& flags) {
    flags.config = environment_or("HEADRACE_CONFIG", "");
    command.option("--config", flags.config, "one TOML file of settings (HEADRACE_CONFIG)")
        .value_name("FILE");
    command.option("--set", flags.set, "any setting; repeat for more")
        .value_name("SECTION.KEY=VALUE");
}

void add_setting_flags(Command& command, SettingFlags& flags) {
    add_config_flags(command, flags);
    command.option("--data", flags.data, "data folder, made when it is not there")
        .value_name("DIR");
    command.option("--client", flags.client, "address of the client door").value_name("HOST:PORT");
    command.option("--control", flags.control, "address of the control door")
        .value_name("HOST:PORT");
    command.option("--admin-key-file", flags.admin_key_file, "where a working admin key is left")
        .value_name("FILE");
    command.option("--engine", flags.engines, "folder searched for engine.toml; repeat for more")
        .value_name("DIR");
    command.flag("--insecure", flags.insecure, "take addresses beyond loopback without TLS");
}

Result<config::Sources> sources_of(const SettingFlags& flags) {
    config::Sources sources;
    if (!flags.config.empty()) sources.file = flags.config;
    sources.environment = config::process_environment();
    const auto give = [&sources](const char* name, const std::string& text, const char* flag) {
        if (!text.empty()) sources.overrides.push_back({name, text, flag, {}});
    };
    for (const auto& text : flags.set) {
        auto item = config::parse_override(text);
        if (!item) return fail(std::move(item.error()));
        sources.overrides.push_back(std::move(*item));
    }
    give("server.data", flags.data, "--data");
    give("client.listen", flags.client, "--client");
    give("control.listen", flags.control, "--control");
    give("server.admin_key_file", flags.admin_key_file, "--admin-key-file");
    if (!flags.engines.empty()) {
        sources.overrides.push_back({"engines.paths", "", "--engine", flags.engines});
    }
    if (flags.insecure) {
        give("client.insecure", "true", "--insecure");
        give("control.insecure", "true", "--insecure");
    }
    return sources;
}

}  // namespace headrace::main
