// The one table of settings. docs/operate/configuration.md is written from it.
#include <array>

#include "config/setting.hpp"

namespace headrace::config {
namespace {

constexpr double kKiB = 1024;
constexpr double kMiB = 1024 * kKiB;
constexpr double kGiB = 1024 * kMiB;
constexpr double kDay = 86'400;

Setting live(Setting setting) {
    setting.restart = false;
    return setting;
}

Setting text(std::string_view section, std::string_view key, Type type, std::string_view initial,
             std::string_view doc) {
    return {.section = section, .key = key, .type = type, .initial = initial, .doc = doc};
}

Setting number(std::string_view section, std::string_view key, Type type, std::string_view initial,
               double min, double max, std::string_view doc) {
    return {.section = section,
            .key = key,
            .type = type,
            .initial = initial,
            .doc = doc,
            .min = min,
            .max = max};
}

Setting word(std::string_view section, std::string_view key, std::string_view initial,
             std::string_view words, std::string_view doc) {
    return {.section = section,
            .key = key,
            .type = Type::word,
            .initial = initial,
            .doc = doc,
            .words = words};
}

const std::array kSettings{
    text("server", "data", Type::path, "headrace-data",
         "Data folder: job log, catalog, blobs, master key. Made with mode 0700; one server at a "
         "time."),
    text("server", "admin_key_file", Type::path, "",
         "Where a working system admin key is left (mode 0600). Empty: `admin.key` in the data "
         "folder."),
    text("server", "master_key_file", Type::path, "",
         "Key that seals stored secrets. Empty: `master.key` in the data folder; keep it elsewhere "
         "where "
         "backups of the data folder travel."),
    number("server", "io_loops", Type::integer, "-1", -1, 64,
           "Loops that read and write connections. 0: the core's loop does it; -1: 0 below 4 "
           "cores, else "
           "one per core but one."),
    number("server", "drain_s", Type::seconds, "30", 0, 3600,
           "How long running jobs and requests may finish after SIGTERM."),

    text("client", "listen", Type::text, "127.0.0.1:8600",
         "Address of the client door: `host:port`, `[v6]:port` or `unix:/path`. Port 0 takes any."),
    text("client", "tls_certificate", Type::path, "", "PEM certificate chain of the client door."),
    text("client", "tls_key", Type::path, "", "PEM key of the client door."),
    text(
        "client", "insecure", Type::boolean, "false",
        "Take a non-loopback address without TLS as written, as in a container or behind a proxy."),
    text("client", "cors_origins", Type::list, "",
         "Origins whose pages may call the client door: exact, or `*`."),
    text("client", "trusted_proxies", Type::list, "",
         "Networks whose X-Forwarded-For and -Proto are believed, such as `10.0.0.0/8`."),
    text("client", "allowed_hosts", Type::list, "",
         "More names that may stand in Host while the client door is on loopback."),

    text("control", "listen", Type::text, "127.0.0.1:8601",
         "Address of the control door: administration, workers, metrics."),
    text("control", "tls_certificate", Type::path, "",
         "PEM certificate chain of the control door."),
    text("control", "tls_key", Type::path, "", "PEM key of the control door."),
    text(
        "control", "insecure", Type::boolean, "false",
        "Take a non-loopback address without TLS as written, as in a container or behind a proxy."),
    text("control", "cors_origins", Type::list, "",
         "Origins whose pages may call the control door: exact, or `*`."),
    text("control", "trusted_proxies", Type::list, "",
         "Networks whose X-Forwarded-For and -Proto are believed, such as `10.0.0.0/8`."),
    text("control", "allowed_hosts", Type::list, "",
         "More names that may stand in Host while the control door is on loopback."),

    text("fastchat", "token_file", Type::path, "",
         "File with the token of FastChat's controller on the control door, "
         "`/fastchat/<token>`; made when it is not there. Empty: `fastchat.token` in "
         "`server.data`."),
    text("fastchat", "allowed_networks", Type::list, "127.0.0.0/8,::1",
         "Networks that FastChat workers may be in and register from."),
    text("fastchat", "listen", Type::text, "",
         "Address of a door with FastChat's controller and API at the root and no token, such as "
         "`127.0.0.1:21001`; loopback only. Empty: there is none."),
    number("fastchat", "expire_s", Type::seconds, "90", 1, 86'400,
           "A worker that beats is forgotten when it has not for so long."),
    text("fastchat", "tenant", Type::text, "system",
         "Whose the models of registered workers are; `system` is everybody's."),
    text("fastchat", "embedding_models", Type::list,
         "bge,e5-,gte-,m3e,embed,minilm,text2vec,sentence-",
         "Parts of the names of models that only embed; the protocol does not tell."),

    number("limits", "head_bytes", Type::bytes, "64KiB", 4 * kKiB, kMiB,
           "Request line and header fields; more is 431."),
    number("limits", "body_bytes", Type::bytes, "32MiB", kKiB, kGiB, "JSON body; more is 413."),
    number("limits", "file_bytes", Type::bytes, "1GiB", kKiB, 1024 * kGiB,
           "One uploaded or produced file."),
    number("limits", "connections", Type::integer, "10000", 16, 1e6,
           "Open connections of one door; above it new ones get 503 and are closed."),
    number("limits", "head_s", Type::seconds, "10", 1, 600,
           "Time for a whole request head once its first byte is there."),
    number("limits", "body_rate", Type::bytes, "1KiB", 1, kGiB,
           "Bytes a second that a body must keep up, after its first 10 s."),
    number("limits", "write_s", Type::seconds, "30", 1, 3600,
           "Time in which a reader must take something of its answer."),
    number("limits", "idle_s", Type::seconds, "75", 1, 3600,
           "Life of a kept-alive connection without a request."),

    number("overload", "memory_bytes", Type::bytes, "0", 0, 1024 * kGiB,
           "Resident memory at which the server says that it is not ready; before that it closes "
           "idle connections (85 %), opens no new streams (90 %) and takes no new jobs (95 %). 0: "
           "four fifths of the machine's memory, or of its control group's."),
    number("overload", "descriptors", Type::integer, "0", 0, 1e9,
           "The same for open files and connections. 0: the process's own limit."),
    number("overload", "queue_bytes", Type::bytes, "1GiB", 0, 1024 * kGiB,
           "The same for inputs and results of jobs in memory. 0: not watched."),

    number("jobs", "queued_per_capability", Type::integer, "1000000", 1, 1e8,
           "Queued jobs of one capability; more is 429 with Retry-After."),
    number("jobs", "max_attempts", Type::integer, "5", 1, 100,
           "Attempts before a job is a dead letter."),
    number("jobs", "retry_base_s", Type::seconds, "0.2", 0, 3600,
           "Pause before the second attempt; it doubles, with jitter."),
    number("jobs", "retry_max_s", Type::seconds, "30", 0, kDay, "Longest pause between attempts."),
    number("jobs", "lease_s", Type::seconds, "15", 1, 3600,
           "Silence of a worker after which its jobs run elsewhere."),
    number("jobs", "cancel_grace_s", Type::seconds, "5", 0, 3600,
           "Time for a worker to stop a cancelled job before its process is ended."),
    number("jobs", "keep_ended_s", Type::seconds, "60", 0, kDay,
           "How long an ended job answers from memory."),
    number("jobs", "ended_bytes", Type::bytes, "16MiB", kMiB, 1024 * kGiB,
           "Ended jobs held in memory; above it the oldest are let go before their time."),
    number("jobs", "events_per_job", Type::integer, "1000", 16, 1e6,
           "Events kept for resuming a stream."),
    number("jobs", "event_bytes_per_job", Type::bytes, "1MiB", kKiB, kGiB, "The same, by size."),
    number("jobs", "session_window", Type::bytes, "256KiB", 4 * kKiB, 64 * kMiB,
           "Bytes under way in each direction of a session."),
    number("jobs", "resident_input_bytes", Type::bytes, "64MiB", kMiB, 1024 * kGiB,
           "Inputs of queued jobs held in memory; above it they stay on disk until their turn."),
    number("jobs", "idempotency_keep_s", Type::seconds, "86400", 3600, 90 * kDay,
           "How long an idempotency key remembers its job; whole hours."),

    number("retention", "results_s", Type::seconds, "604800", 3600, 3650 * kDay,
           "How long results, their media and inputs kept for a retry stay; whole hours."),
    number("retention", "jobs_s", Type::seconds, "2592000", 3600, 3650 * kDay,
           "How long an ended job itself is kept; whole hours."),
    number("retention", "usage_s", Type::seconds, "34560000", 3600, 3650 * kDay,
           "How long usage records are kept; whole hours."),
    number("retention", "files_s", Type::seconds, "604800", 60, 3650 * kDay,
           "How long an uploaded file is kept."),
    live(number("retention", "sweep_s", Type::seconds, "300", 1, kDay,
                "How often what has expired is removed.")),
    number("retention", "low_disk_bytes", Type::bytes, "256MiB", 0, 1024 * kGiB,
           "Free space below which no new job and no new blob is taken; 0: no such mark."),
    number("retention", "low_disk_percent", Type::integer, "1", 0, 50,
           "The same, as a share of the disk."),

    word("store", "kind", "sqlite", "sqlite|postgres",
         "Where jobs, their files' rows and usage records lie: in the data folder, or in a "
         "database that several servers may share, and keys and upstreams with them. Blobs and "
         "registered versions are in the data folder either way."),
    word("store", "migrate", "auto", "auto|check",
         "What a start does when the schema is older: apply the steps that only add, or refuse "
         "and name `headrace migrate up`."),

    text("postgres", "url", Type::text, "",
         "Connection string or `postgresql://` URI, with libpq's parameters (`sslmode`, "
         "`sslrootcert`, `passfile`); without a password."),
    text("postgres", "password", Type::secret, "", "Password of the user in `postgres.url`."),
    text("postgres", "node", Type::text, "",
         "Name of this server among those that share the database; a restart under the same name "
         "takes its jobs up again. Empty: a name made once and kept in the data folder."),
    number("postgres", "connect_s", Type::seconds, "5", 2, 600, "Time to connect."),
    number("postgres", "statement_s", Type::seconds, "10", 1, 600,
           "Time for one commit or query, as `statement_timeout`."),
    number("postgres", "patience_s", Type::seconds, "3", 0, 60,
           "How long a write whose commit was cut off waits for the database to come back before "
           "it is 503."),
    number("postgres", "lease_s", Type::seconds, "15", 3, 3600,
           "Silence of a server after which the others take its jobs over."),
    text("postgres", "share_catalog", Type::boolean, "true",
         "Keep keys, tenants, apps, users, the audit list and upstreams in the database, for all "
         "servers on it; they must have the same `server.master_key_file`. False: each server "
         "keeps its own in its data folder."),
    number("postgres", "offline_s", Type::seconds, "60", 5, 7 * kDay,
           "How long keys that are known go on working while a server hears nothing from the "
           "database that holds them; then calls are 503."),
    text("postgres", "share_limits", Type::boolean, "true",
         "Count the requests and tokens of keys, apps, tenants and models together with the other "
         "servers on this database. False: each server counts alone, up to the whole limit."),

    text("engines", "paths", Type::list, "",
         "Folders that are searched for engine.toml, at any depth. `--engine DIR`, repeated, takes "
         "its place."),
    text("engines", "python", Type::path, "python3",
         "Interpreter of Python engines without a virtual environment of their own."),
    text("engines", "host_binary", Type::path, "",
         "Program that loads native engines. Empty: `headrace-host` beside this program."),
    text("engines", "sdk_path", Type::path, "",
         "Folder that holds the Python kit. Empty: found beside this program or installed."),
    text("engines", "library_path", Type::path, "",
         "Folder that is searched for native engines after their own. Empty: `engines` beside this "
         "program."),
    text("engines", "gpu_tool", Type::path, "nvidia-smi",
         "Program that lists this machine's GPUs for engines with a `[gpu]` table. Empty: none is "
         "asked."),
    word("engines", "seccomp", "off", "off|on",
         "on: refuses engines the system calls that none needs and attackers want: mounting, "
         "modules, BPF, namespaces, io_uring."),
    text("engines", "network", Type::boolean, "true",
         "Whether engines may open network sockets. An engine.toml may give it up: `[sandbox] "
         "network = false`."),
    text("engines", "cgroup", Type::path, "",
         "Delegated cgroup v2 folder in which each host gets a group of its own, held to its "
         "`[limits] memory` and to 4096 processes. Empty: none."),
    number("engines", "stop_grace_s", Type::seconds, "5", 0, 600,
           "Time for an engine's process to end by itself when it is stopped."),

    text(
        "fetch", "allow", Type::list, "",
        "Networks and host names that a `url` of an input may lead to though they are not public."),

    live(word("log", "level", "info", "debug|info|warn|error|off",
              "debug adds a line per request and event.")),
    word("log", "format", "text", "text|json", "One line per event, for people or for machines."),
    text("log", "file", Type::path, "",
         "File that lines go to in place of standard error; moved away, it is made anew."),
    number("log", "file_bytes", Type::bytes, "64MiB", 4 * kKiB, 1024 * kGiB,
           "Size above which `log.file` becomes `FILE.1`, and so on."),
    number("log", "file_keep", Type::integer, "5", 0, 1000, "Old log files that are kept."),
    text("log", "syslog", Type::boolean, "false",
         "Lines also go to the system's log, as `headrace` of facility daemon."),

    number("metrics", "tenants", Type::integer, "100", 0, 10'000,
           "Tenants with series of their own; the others count as `other`."),

    text("traces", "endpoint", Type::text, "",
         "Collector that spans go to by OTLP/HTTP, as `http://127.0.0.1:4318` (path `/v1/traces` "
         "unless one is given). Empty: no traces."),
    number("traces", "percent", Type::integer, "100", 0, 100,
           "Share of the jobs that are traced; one whose caller says it is not sampled never is."),
    text("traces", "authorization", Type::secret, "",
         "Value of the header Authorization for the collector."),
    text("traces", "ca_file", Type::path, "", "Authorities that an https collector is held to."),
    text("traces", "service", Type::text, "headrace", "`service.name` of the spans."),
    text("traces", "gen_ai", Type::boolean, "false",
         "Attempts of language models carry OpenTelemetry's attributes of generative AI: model, "
         "tokens, why the answer ended, the upstream's address. Never a prompt or an answer."),

    text("request_log", "enabled", Type::boolean, "false",
         "One JSON line for each call of a language model; `headrace requests` searches them."),
    text("request_log", "folder", Type::path, "",
         "Where the lines lie, a file for each day. Empty: `requests` in `server.data`."),
    text("request_log", "bodies", Type::boolean, "false",
         "The lines also hold what was asked and what was answered."),
    number("request_log", "body_bytes", Type::bytes, "4KiB", 16, kMiB,
           "Longest text of either that is kept, after redaction."),
    text("request_log", "redact", Type::list, "",
         "RE2 patterns whose matches in these texts become `[redacted]`, such as "
         "`[0-9]{13,16}`; a pattern with a comma goes into the file's list."),
    number("request_log", "keep_days", Type::integer, "14", 1, 3650,
           "Days before today whose lines are kept."),
    number("request_log", "file_bytes", Type::bytes, "64MiB", 64 * kKiB, 1024 * kGiB,
           "Size above which a day's next file begins."),
};

}  // namespace

std::span<const Setting> declared() {
    return kSettings;
}

std::string_view section_doc(std::string_view section) {
    static constexpr std::pair<std::string_view, std::string_view> kDocs[] = {
        {"server", "The process and where it keeps things."},
        {"client", "The door for callers: jobs, files, capabilities, sessions."},
        {"control", "The door for operators and workers."},
        {"fastchat", "FastChat's workers, and their controller's address."},
        {"limits", "Bounds on what one request may cost."},
        {"overload", "What the server may use itself, and gives way before it has used."},
        {"jobs", "Queues, attempts, leases and what is kept in memory."},
        {"retention", "What is removed when."},
        {"store", "Where durable jobs lie."},
        {"postgres", "The database, when `store.kind` is `postgres`."},
        {"engines", "Engines that the server starts itself."},
        {"fetch", "Requests to addresses that callers name."},
        {"log", "What the server says of itself."},
        {"traces", "Spans of the jobs: accept, queue, attempt, engine."},
        {"request_log", "Calls of language models, a line each; off unless it is turned on."},
        {"metrics", "`/metrics` on the control door, without a key from loopback only."},
    };
    for (const auto& [name, doc] : kDocs) {
        if (name == section) return doc;
    }
    return "";
}

}  // namespace headrace::config
