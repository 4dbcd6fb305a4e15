#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "main/cli.hpp"

namespace headrace::main {

/// The flags of `serve` that stand for settings; `config` takes the same.
struct SettingFlags {
    std::string config;
    std::vector<std::string> set;
    std::string data;
    std::string client;
    std::string control;
    std::string admin_key_file;
    std::vector<std::string> engines;
    bool insecure = false;
};

/// --config and --set alone. `flags` must outlive the command line.
void add_config_flags(Command& command, SettingFlags& flags);
/// All of them.
void add_setting_flags(Command& command, SettingFlags& flags);

/// File, environment and flags, ready for config::load(); the same again at a reload.
Result<config::Sources> sources_of(const SettingFlags& flags);

}  // namespace headrace::main
