#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "http/guarded_fetch.hpp"
#include "http/server.hpp"
#include "jobs/settings.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::main {

/// What is removed when. May change while the server runs.
struct RetentionSettings {
    std::chrono::milliseconds jobs{};
    std::chrono::milliseconds files{};
    std::chrono::milliseconds usage{};
    std::chrono::milliseconds sweep{};
};

/// Where the programs and folders are that engines are started with; found, not only configured.
struct EngineSettings {
    std::vector<std::filesystem::path> paths;
    std::string python;
    std::filesystem::path host_binary;
    std::filesystem::path sdk_path;
    std::filesystem::path library_path;
    std::chrono::milliseconds restart_max{};
};

struct LogSettings {
    log::Level level = log::Level::info;
    log::Format format = log::Format::text;
};

/// Everything `serve` needs, as the rooms want it.
struct ServerSettings {
    std::filesystem::path data;
    std::filesystem::path admin_key_file;
    std::filesystem::path master_key_file;
    std::size_t io_loops = 0;  // 0: the core's loop does the I/O
    std::chrono::milliseconds drain{};
    http::DoorSettings client;
    http::DoorSettings control;
    jobs::Settings jobs;
    protocols::native::Settings native;
    http::FetchSettings fetch;
    RetentionSettings retention;
    std::uint64_t low_disk_bytes = 0;
    EngineSettings engines;
    LogSettings log;
    std::size_t metrics_tenants = 0;
};

/// The one place that turns text into the rooms' settings. Errors name the setting, one violation
/// each, as config::load() does.
Result<ServerSettings> server_settings(const config::Config& config);

LogSettings log_settings(const config::Config& config);
RetentionSettings retention_settings(const config::Config& config);

/// Where this program lies, and what belongs to it: `headrace-host`, the Python kit, native engines.
std::filesystem::path program_folder();
std::filesystem::path find_sdk();

}  // namespace headrace::main
