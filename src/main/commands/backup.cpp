// headrace backup create|verify|restore
#include <chrono>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "main/backup.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct BackupOptions {
    std::string data = "headrace-data";
    std::string folder;
    std::string format = "table";
    bool master_key = false;
};

/// One line that is written over, on a terminal only.
BackupProgress progress_line() {
    if (::isatty(STDERR_FILENO) == 0) return {};
    auto last = std::make_shared<std::chrono::steady_clock::time_point>();
    return [last](const BackupReport& so_far) {
        const auto now = std::chrono::steady_clock::now();
        if (now - *last < std::chrono::milliseconds(100)) return;
        *last = now;
        const auto line =
            fmt::format("\r\x1b[K{} files, {}", so_far.files, show_bytes(so_far.bytes));
        [[maybe_unused]] const auto put = ::write(STDERR_FILENO, line.data(), line.size());
    };
}

int tell(const Result<BackupReport>& report, const BackupOptions& options, const char* done) {
    if (::isatty(STDERR_FILENO) != 0) {
        [[maybe_unused]] const auto put = ::write(STDERR_FILENO, "\r\x1b[K", 4);
    }
    if (!report) {
        print_error("headrace: " + report.error().message);
        return report.error().code == ErrorCode::internal ? kFailed : kUsage;
    }
    if (options.format == "json") {
        print(pretty_json(json::object{{"files", report->files},
                                       {"bytes", report->bytes},
                                       {"open_jobs", report->open_jobs},
                                       {"ended_jobs", report->ended_jobs},
                                       {"expired_blobs", report->expired},
                                       {"master_key", report->master_key}}));
        return kOk;
    }
    print(fmt::format("{}: {} files, {}, {} open and {} ended jobs\n", done, report->files,
                      show_bytes(report->bytes), report->open_jobs, report->ended_jobs));
    if (!report->master_key) {
        print(
            "without the master key: stored secrets can be read again only with the master.key of "
            "the data folder, kept elsewhere\n");
    }
    return kOk;
}

}  // namespace

void add_backup(Command& root) {
    auto group = root.command("backup", "copies of a data folder (SQLite)");
    group.needs_command();
    const auto options = std::make_shared<BackupOptions>();
    const auto add_format = [&options](Command& command) {
        command.option("-o,--format", options->format, "how to print").choices({"table", "json"});
    };

    auto create = group.command("create", "copy a data folder, also while its server runs");
    create.option("--data", options->data, "the data folder").value_name("DIR");
    create.option("--to", options->folder, "folder to make").required().value_name("DIR");
    create.flag("--with-master-key", options->master_key,
                "take the master key along: whoever has the backup can read all secrets");
    add_format(create);
    create.action([options] {
        return tell(
            create_backup(options->data, options->folder, options->master_key, progress_line()),
            *options, "backup made");
    });

    auto verify = group.command("verify", "read a backup whole and say whether it is sound");
    verify.option("folder", options->folder, "the backup").required().value_name("DIR");
    add_format(verify);
    verify.action([options] {
        return tell(verify_backup(options->folder, progress_line()), *options, "backup is sound");
    });

    auto restore = group.command("restore", "make a data folder from a backup");
    restore.option("folder", options->folder, "the backup").required().value_name("DIR");
    restore.option("--data", options->data, "the data folder to make").value_name("DIR");
    add_format(restore);
    restore.footer(
        "Running jobs of the backup run again. Workers that still hold leases of the lost server "
        "are refused.");
    restore.action([options] {
        return tell(restore_backup(options->folder, options->data, progress_line()), *options,
                    "data folder made");
    });
}

}  // namespace headrace::main
