// headrace migrate status|up|down
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "config/config.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/commands/setting_flags.hpp"
#include "main/settings.hpp"
#include "stores/disk/data_folder.hpp"
#include "stores/postgres/migrations.hpp"
#include "stores/postgres/schema.hpp"
#include "stores/sqlite/migrations.hpp"
#include "stores/sqlite/schema.hpp"

namespace headrace::main {
namespace {

struct MigrateFlags {
    SettingFlags settings;
    std::string database = "jobs";
    std::optional<std::int64_t> to;
    bool dry_run = false;
};

/// A database that was opened for migration, with the steps this program knows.
struct Target {
    std::string name;
    std::span<const stores::Step> steps;
    stores::MigrateOptions options;
    std::unique_ptr<stores::SteppedDatabase> database;
    // What `database` works on.
    std::optional<stores::DataFolder> folder;
    std::unique_ptr<stores::Database> file;
    std::unique_ptr<stores::PgConnection> connection;
};

Result<Target> open_file(const ServerSettings& settings, bool jobs, bool change) {
    Target out;
    out.options = settings.job_log.migrate;
    out.name = (settings.data / (jobs ? "jobs.db" : "catalog.db")).string();
    out.steps = jobs ? stores::jobs_schema() : stores::catalog_schema();
    if (!std::filesystem::exists(out.name)) {
        return fail(ErrorCode::not_found,
                    out.name + " is not there: a server makes it at its start");
    }
    if (change) {  // nobody else may have it open
        auto folder = stores::DataFolder::open(settings.data.string());
        if (!folder) return fail(folder.error());
        out.folder.emplace(std::move(*folder));
    }
    auto file = stores::Database::open(out.name);
    if (!file) return fail(file.error().code, out.name + " " + file.error().message);
    out.file = std::make_unique<stores::Database>(std::move(*file));
    out.database = std::make_unique<stores::SqliteSteps>(*out.file);
    return out;
}

Result<Target> open_target(const MigrateFlags& flags, bool change) {
    auto sources = sources_of(flags.settings);
    if (!sources) return fail(sources.error());
    const auto config = config::load(config::declared(), *sources);
    if (!config) return fail(config.error());
    const auto settings = server_settings(*config);
    if (!settings) return fail(settings.error());
    if (!settings->on_postgres || flags.database == "catalog")
        return open_file(*settings, flags.database == "jobs", change);
    Target out;
    out.options = settings->job_log.migrate;
    out.name = stores::describe_url(settings->postgres.url).value_or("");
    out.steps = stores::postgres_schema();
    auto connection = stores::PgConnection::open(settings->postgres, stores::PgRole::listener);
    if (!connection) {
        return fail(connection.error().code, "postgres.url: " + connection.error().message);
    }
    out.connection = std::make_unique<stores::PgConnection>(std::move(*connection));
    out.database = std::make_unique<stores::PostgresSteps>(*out.connection);
    return out;
}

int refuse(const Error& error) {
    print_error("headrace: " + error.message);
    return kUsage;
}

int status(const MigrateFlags& flags) {
    auto target = open_target(flags, false);
    if (!target) return refuse(target.error());
    const auto applied = stores::applied_steps(*target->database, target->steps);
    if (!applied)
        return refuse({applied.error().code, target->name + " " + applied.error().message, {}, 0});
    Table table({"step", "name", "kind", "state", "applied", "by"});
    for (std::size_t i = 0; i < target->steps.size(); ++i) {
        const stores::Step& step = target->steps[i];
        const bool there = i < applied->size();
        const WallMs at = there ? (*applied)[i].applied_at : 0;
        table.add({std::to_string(step.number), std::string(step.name),
                   step.kind == stores::StepKind::expand ? "expand" : "contract",
                   there ? "applied" : "pending", at > 0 ? to_rfc3339(at) : "",
                   there ? (*applied)[i].program : ""});
    }
    print(target->name + "\n" + table.text("no steps"));
    return kOk;
}

int move_to(const MigrateFlags& flags, std::optional<int> to, bool up) {
    auto target = open_target(flags, !flags.dry_run);
    if (!target) return refuse(target.error());
    const auto planned =
        stores::migrate_to(*target->database, target->steps, to, target->options, true);
    if (!planned)
        return refuse({planned.error().code, target->name + " " + planned.error().message, {}, 0});
    if (!planned->empty() && planned->front().up != up) {
        return refuse({ErrorCode::invalid_argument,
                       fmt::format("step {} lies the other way: use `headrace migrate {} --to {}`",
                                   to.value_or(0), up ? "down" : "up", to.value_or(0)),
                       {},
                       0});
    }
    if (flags.dry_run) {
        print(stores::as_script(*planned));
        return kOk;
    }
    const auto done =
        stores::migrate_to(*target->database, target->steps, to, target->options, false);
    if (!done) return refuse({done.error().code, target->name + " " + done.error().message, {}, 0});
    for (const stores::Move& move : *done) {
        print(fmt::format("step {} {} ({})\n", move.step->number, move.up ? "up" : "down",
                          move.step->name));
    }
    if (done->empty()) print("nothing to do\n");
    return kOk;
}

}  // namespace

void add_migrate(Command& root) {
    auto group = root.command("migrate", "the schema of the databases, step by step");
    group.needs_command();
    const auto flags = std::make_shared<MigrateFlags>();
    const auto add_common = [&flags](Command& command) {
        add_config_flags(command, flags->settings);
        command.option("--data", flags->settings.data, "the data folder").value_name("DIR");
        command
            .option("--database", flags->database,
                    "jobs (SQLite or PostgreSQL, as store.kind says) or catalog")
            .choices({"jobs", "catalog"});
    };

    auto show = group.command("status", "which steps are applied, and which are pending");
    add_common(show);
    show.action([flags] { return status(*flags); });

    auto up = group.command("up", "apply pending steps, also those that contract");
    add_common(up);
    up.option("--to", flags->to, "stop after this step").value_name("N");
    up.flag("--dry-run", flags->dry_run, "print the SQL and change nothing");
    up.action([flags] {
        const auto to = flags->to ? std::optional<int>(static_cast<int>(*flags->to)) : std::nullopt;
        return move_to(*flags, to, true);
    });

    auto down = group.command("down", "undo steps: what only they brought is lost");
    add_common(down);
    down.option("--to", flags->to, "the step to go back to; 0 = nothing is left")
        .required()
        .value_name("N");
    down.flag("--dry-run", flags->dry_run, "print the SQL and change nothing");
    down.action(
        [flags] { return move_to(*flags, static_cast<int>(flags->to.value_or(0)), false); });
    group.footer(
        "Stop the servers first, or see docs/operate/upgrade.md for replacing nodes one by one.");
}

}  // namespace headrace::main
