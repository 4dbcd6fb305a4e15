#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/log_output.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"
#include "engines/settings.hpp"
#include "http/guarded_fetch.hpp"
#include "http/server.hpp"
#include "jobs/settings.hpp"
#include "main/overload_guard.hpp"
#include "main/request_log.hpp"
#include "protocols/fastchat/parts.hpp"
#include "protocols/native/parts.hpp"
#include "stores/postgres/settings.hpp"
#include "stores/sqlite/job_log.hpp"
#include "workers/hub/settings.hpp"

namespace headrace::main {

struct LogSettings {
    log::Level level = log::Level::info;
    log::Format format = log::Format::text;
    log::Output output;
};

/// Spans go to a collector by OTLP/HTTP.
struct TraceSettings {
    std::string endpoint;  // "http://collector:4318"; empty: no traces
    double ratio = 1;      // of the traces that nobody has decided about
    Secret authorization;  // the header's value; empty: none
    std::string ca_file;
    std::string service = "headrace";
    bool gen_ai = false;  // attributes of generative AI
};

/// FastChat's workers and clients.
struct FastchatSettings {
    protocols::fastchat::Settings dialect;  // its token comes with the start
    std::filesystem::path token_file;
    http::DoorSettings door;  // no address: there is none
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
    FastchatSettings fastchat;
    http::FetchSettings fetch;
    stores::JobLogSettings job_log;
    bool on_postgres = false;  // then `postgres` says where jobs lie
    stores::PostgresSettings postgres;
    bool share_catalog = true;  // keys, accounts, audit and upstreams lie there too
    bool share_limits = true;   // of keys, apps, tenants and models, where the database is shared
    std::vector<std::filesystem::path> engine_paths;
    engines::Settings engines;
    workers::hub::Settings hub;  // its epoch comes with the start
    OverloadSettings overload;
    LogSettings log;
    std::size_t metrics_tenants = 0;
    TraceSettings traces;
    RequestLogSettings request_log;
};

/// The one place that turns text into the rooms' settings. Errors name the setting, one violation
/// each, as config::load() does.
Result<ServerSettings> server_settings(const config::Config& config);

/// How a schema is brought up, by this program and now.
stores::MigrateOptions migrate_options(const config::Config& config);
LogSettings log_settings(const config::Config& config);
/// Where the request log lies, also for who only reads it.
std::filesystem::path request_log_folder(const config::Config& config);
/// How often what has expired is removed.
std::chrono::milliseconds sweep_every(const config::Config& config);

}  // namespace headrace::main
