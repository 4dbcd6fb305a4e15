#include "main/settings.hpp"

#include <cmath>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "access/principal.hpp"
#include "engines/cgroup.hpp"
#include "main/version.hpp"
#include "stores/postgres/connection.hpp"

namespace headrace::main {
namespace {

std::chrono::milliseconds time_of(const config::Config& config, std::string_view name) {
    return std::chrono::milliseconds(std::llround(config.seconds(name) * 1000));
}

template <class Number>
Number count_of(const config::Config& config, std::string_view name) {
    return static_cast<Number>(config.integer(name));
}

/// Maps settings that config::load() could not judge by itself, and gathers what is wrong with
/// them.
class Mapper {
  public:
    explicit Mapper(const config::Config& config) : config_(config) {}

    Result<ServerSettings> run() {
        ServerSettings out;
        out.data = config_.text("server.data");
        out.admin_key_file = or_in(config_.text("server.admin_key_file"), out.data / "admin.key");
        out.master_key_file =
            or_in(config_.text("server.master_key_file"), out.data / "master.key");
        out.io_loops = io_loops();
        out.drain = time_of(config_, "server.drain_s");
        out.client = door("client", {http::RouteClass::client, http::RouteClass::open});
        // Callers' routes are there for the console: its sessions open them, no key does.
        out.control = door("control", {http::RouteClass::worker, http::RouteClass::admin,
                                       http::RouteClass::client, http::RouteClass::open});
        out.jobs = jobs();
        out.native.max_body_bytes = count_of<std::uint64_t>(config_, "limits.body_bytes");
        out.native.max_file_bytes = count_of<std::uint64_t>(config_, "limits.file_bytes");
        out.native.file_keep_ms = time_of(config_, "retention.files_s").count();
        out.fastchat = fastchat(out.data);
        out.fetch = fetch();
        out.job_log = job_log();
        out.on_postgres = config_.text("store.kind") == "postgres";
        if (out.on_postgres) out.postgres = postgres(out.job_log);
        out.share_catalog = config_.boolean("postgres.share_catalog");
        out.share_limits = config_.boolean("postgres.share_limits");
        out.overload.memory_bytes = count_of<std::uint64_t>(config_, "overload.memory_bytes");
        out.overload.descriptors = count_of<std::uint64_t>(config_, "overload.descriptors");
        out.overload.queue_bytes = count_of<std::uint64_t>(config_, "overload.queue_bytes");
        out.engine_paths = engine_paths();
        out.engines = engines();
        out.hub.lease = out.jobs.lease;
        out.hub.heartbeat = out.jobs.lease / 3;
        out.hub.window = static_cast<std::uint32_t>(out.jobs.session_window);
        out.hub.most_values = out.native.max_body_bytes;
        out.hub.most_media = out.native.max_file_bytes;
        out.hub.file_time = time_of(config_, "retention.results_s");
        out.log = log_settings(config_);
        out.traces.endpoint = config_.text("traces.endpoint");
        out.traces.ratio = static_cast<double>(config_.integer("traces.percent")) / 100;
        out.traces.authorization = config_.secret("traces.authorization");
        out.traces.ca_file = config_.text("traces.ca_file");
        out.traces.service = config_.text("traces.service");
        out.traces.gen_ai = config_.boolean("traces.gen_ai");
        out.request_log = request_log();
        out.metrics_tenants = count_of<std::size_t>(config_, "metrics.tenants");
        if (problems_.empty()) return out;
        return fail(Error{ErrorCode::invalid_argument, problems_.front().rule, problems_, 0});
    }

  private:
    void problem(const std::string& name, const std::string& sentence) {
        problems_.push_back(
            {name, fmt::format("{}: {} {}", config_.entry(name).origin, name, sentence), ""});
    }

    static std::filesystem::path or_in(const std::string& given, std::filesystem::path fallback) {
        return given.empty() ? std::move(fallback) : std::filesystem::path(given);
    }

    std::size_t io_loops() const {
        const auto asked = config_.integer("server.io_loops");
        if (asked >= 0) return static_cast<std::size_t>(asked);
        const unsigned cores = std::thread::hardware_concurrency();
        return cores < 4 ? 0 : cores - 1;
    }

    http::DoorSettings door(const std::string& section, std::set<http::RouteClass> classes) {
        const auto name = [&section](const char* key) { return section + "." + key; };
        http::DoorSettings out;
        out.name = section;
        out.listen = config_.text(name("listen"));
        out.classes = std::move(classes);
        out.limits = door_limits();
        out.tls_certificate = config_.text(name("tls_certificate"));
        out.tls_key = config_.text(name("tls_key"));
        out.insecure = config_.boolean(name("insecure"));
        out.cors_origins = config_.list(name("cors_origins"));
        out.allowed_hosts = config_.list(name("allowed_hosts"));
        out.trusted_proxies = networks(name("trusted_proxies"));
        if (out.tls_certificate.empty() != out.tls_key.empty()) {
            problem(name(out.tls_key.empty() ? "tls_key" : "tls_certificate"),
                    "is missing: a door has both certificate and key, or neither");
        }
        return out;
    }

    http::DoorLimits door_limits() const {
        http::DoorLimits out;
        out.head_bytes = count_of<std::size_t>(config_, "limits.head_bytes");
        out.body_bytes = count_of<std::size_t>(config_, "limits.body_bytes");
        out.head_time = time_of(config_, "limits.head_s");
        out.idle_time = time_of(config_, "limits.idle_s");
        out.body_rate = count_of<std::size_t>(config_, "limits.body_rate");
        out.write_time = time_of(config_, "limits.write_s");
        out.connections = count_of<std::size_t>(config_, "limits.connections");
        return out;
    }

    FastchatSettings fastchat(const std::filesystem::path& data) {
        FastchatSettings out;
        out.token_file = or_in(config_.text("fastchat.token_file"), data / "fastchat.token");
        out.dialect.networks = networks("fastchat.allowed_networks");
        out.dialect.expire = time_of(config_, "fastchat.expire_s");
        out.dialect.tenant = TenantId(config_.text("fastchat.tenant"));
        if (!access::is_tenant_name(out.dialect.tenant.name)) {
            problem("fastchat.tenant", "is no name of a tenant");
        }
        out.dialect.embedding_models = config_.list("fastchat.embedding_models");
        out.dialect.max_body_bytes = count_of<std::size_t>(config_, "limits.body_bytes");
        out.door.name = "fastchat";
        out.door.listen = config_.text("fastchat.listen");
        out.door.classes = {http::RouteClass::client, http::RouteClass::worker,
                            http::RouteClass::open};
        out.door.limits = door_limits();
        return out;
    }

    std::vector<Cidr> networks(const std::string& name) {
        std::vector<Cidr> out;
        for (const auto& text : config_.list(name)) {
            auto network = Cidr::parse(text);
            if (network) {
                out.push_back(std::move(*network));
            } else {
                problem(name, fmt::format("holds {}, which is no network", text));
            }
        }
        return out;
    }

    jobs::Settings jobs() const {
        jobs::Settings out;
        out.max_queued_per_capability =
            count_of<std::uint64_t>(config_, "jobs.queued_per_capability");
        out.max_attempts = count_of<std::uint32_t>(config_, "jobs.max_attempts");
        out.retry_base = time_of(config_, "jobs.retry_base_s");
        out.retry_max = time_of(config_, "jobs.retry_max_s");
        out.lease = time_of(config_, "jobs.lease_s");
        out.cancel_grace = time_of(config_, "jobs.cancel_grace_s");
        out.keep_ended = time_of(config_, "jobs.keep_ended_s");
        out.max_ended_bytes = count_of<std::uint64_t>(config_, "jobs.ended_bytes");
        out.max_events_per_job = count_of<std::uint32_t>(config_, "jobs.events_per_job");
        out.max_event_bytes_per_job = count_of<std::uint64_t>(config_, "jobs.event_bytes_per_job");
        out.session_window = count_of<std::uint64_t>(config_, "jobs.session_window");
        out.resident_input_bytes = count_of<std::uint64_t>(config_, "jobs.resident_input_bytes");
        out.idempotency_keep = std::chrono::duration_cast<std::chrono::hours>(
            time_of(config_, "jobs.idempotency_keep_s"));
        return out;
    }

    http::FetchSettings fetch() {
        http::FetchSettings out;
        for (const auto& text : config_.list("fetch.allow")) {
            auto network = Cidr::parse(text);
            if (network)
                out.allowed_networks.push_back(std::move(*network));
            else if (text.find('/') == std::string::npos)
                out.allowed_hosts.push_back(text);
            else
                problem("fetch.allow", fmt::format("holds {}, which is no network", text));
        }
        return out;
    }

    stores::JobLogSettings job_log() const {
        stores::JobLogSettings out;
        const auto hours = [this](const char* name) {
            return std::chrono::duration_cast<std::chrono::hours>(time_of(config_, name));
        };
        out.retention.results = hours("retention.results_s");
        out.retention.jobs = hours("retention.jobs_s");
        out.retention.usage = hours("retention.usage_s");
        out.retention.idempotency = hours("jobs.idempotency_keep_s");
        out.low_water.free_bytes = count_of<std::uint64_t>(config_, "retention.low_disk_bytes");
        out.low_water.free_percent =
            static_cast<double>(config_.integer("retention.low_disk_percent"));
        out.migrate = migrate_options(config_);
        return out;
    }

    stores::PostgresSettings postgres(const stores::JobLogSettings& log) {
        stores::PostgresSettings out;
        out.url = config_.text("postgres.url");
        out.password = config_.text("postgres.password");
        out.node = config_.text("postgres.node");
        out.connect_timeout = time_of(config_, "postgres.connect_s");
        out.statement_timeout = time_of(config_, "postgres.statement_s");
        out.patience = time_of(config_, "postgres.patience_s");
        out.lease = time_of(config_, "postgres.lease_s");
        out.offline = time_of(config_, "postgres.offline_s");
        out.retention = log.retention;
        out.migrate = log.migrate;
        if (out.url.empty())
            problem("postgres.url", "is missing, and store.kind is postgres");
        else if (auto sound = stores::describe_url(out.url); !sound)
            problem("postgres.url", sound.error().message);
        return out;
    }

    RequestLogSettings request_log() {
        RequestLogSettings out;
        out.enabled = config_.boolean("request_log.enabled");
        out.folder = request_log_folder(config_);
        out.bodies = config_.boolean("request_log.bodies");
        out.body_bytes = count_of<std::size_t>(config_, "request_log.body_bytes");
        out.redact = config_.list("request_log.redact");
        out.keep_days = count_of<std::uint32_t>(config_, "request_log.keep_days");
        out.file_bytes = count_of<std::uint64_t>(config_, "request_log.file_bytes");
        if (auto sound = Redaction::make(out.redact); !sound) {
            problem("request_log.redact", "holds " + sound.error().message);
        }
        return out;
    }

    std::vector<std::filesystem::path> engine_paths() {
        std::vector<std::filesystem::path> out;
        for (const auto& text : config_.list("engines.paths")) {
            std::error_code error;
            if (!std::filesystem::is_directory(text, error)) {
                problem("engines.paths", fmt::format("holds {}, which is no folder", text));
            }
            out.emplace_back(std::filesystem::absolute(text, error));
        }
        return out;
    }

    engines::Settings engines() {
        auto out = engines::settings_beside(engines::program_folder());
        out.python = config_.text("engines.python");
        out.host_program = or_in(config_.text("engines.host_binary"), out.host_program);
        out.python_sdk = or_in(config_.text("engines.sdk_path"), out.python_sdk);
        out.library_folder = or_in(config_.text("engines.library_path"), out.library_folder);
        out.stop_grace = time_of(config_, "engines.stop_grace_s");
        out.gpu_tool = config_.text("engines.gpu_tool");
        out.sandbox.refuse_calls = config_.text("engines.seccomp") == "on";
        out.sandbox.network = config_.boolean("engines.network");
        out.sandbox.cgroup = config_.text("engines.cgroup");
        if (!out.sandbox.cgroup.empty()) {
            if (auto ok = engines::check_cgroup(out.sandbox.cgroup); !ok) {
                problem("engines.cgroup", "is refused: " + ok.error().message);
            }
        }
        return out;
    }

    const config::Config& config_;
    std::vector<Violation> problems_;
};

}  // namespace

Result<ServerSettings> server_settings(const config::Config& config) {
    return Mapper(config).run();
}

stores::MigrateOptions migrate_options(const config::Config& config) {
    stores::MigrateOptions out;
    if (config.text("store.migrate") == "check") out.on_pending = stores::OnPending::refuse;
    out.program = kVersion;
    out.now = SystemClock().wall();
    return out;
}

LogSettings log_settings(const config::Config& config) {
    LogSettings out;
    out.level = log::parse_level(config.text("log.level")).value_or(log::Level::info);
    out.format = config.text("log.format") == "json" ? log::Format::json : log::Format::text;
    out.output.file = config.text("log.file");
    out.output.file_bytes = static_cast<std::uint64_t>(config.integer("log.file_bytes"));
    out.output.file_keep = static_cast<std::uint32_t>(config.integer("log.file_keep"));
    out.output.syslog = config.boolean("log.syslog");
    return out;
}

std::chrono::milliseconds sweep_every(const config::Config& config) {
    return time_of(config, "retention.sweep_s");
}

std::filesystem::path request_log_folder(const config::Config& config) {
    const auto& given = config.text("request_log.folder");
    return given.empty() ? std::filesystem::path(config.text("server.data")) / "requests"
                         : std::filesystem::path(given);
}

}  // namespace headrace::main
