// headrace doctor
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/commands/setting_flags.hpp"
#include "main/doctor.hpp"

namespace headrace::main {
namespace {

struct DoctorOptions {
    SettingFlags flags;
    std::string format = "table";
};

Result<ServerSettings> settings_of(const DoctorOptions& options) {
    auto sources = sources_of(options.flags);
    if (!sources) return fail(std::move(sources.error()));
    auto config = config::load(config::declared(), *sources);
    if (!config) return fail(std::move(config.error()));
    return server_settings(*config);
}

void print_json(const std::vector<Finding>& findings) {
    json::array out;
    for (const auto& finding : findings) {
        out.push_back(json::object{{"what", finding.what},
                                   {"grade", std::string(to_string(finding.grade))},
                                   {"found", finding.found},
                                   {"advice", finding.advice}});
    }
    print(pretty_json(json::object{{"findings", std::move(out)}}));
}

void print_table(const std::vector<Finding>& findings) {
    Table table({"", "what", "found"});
    for (const auto& finding : findings) {
        table.add({std::string(to_string(finding.grade)), finding.what, finding.found});
        if (!finding.advice.empty()) table.add({"", "", "  -> " + finding.advice});
    }
    print(table.text("nothing was examined"));
}

int examine(const DoctorOptions& options) {
    std::vector<Finding> findings;
    auto settings = settings_of(options);
    if (settings) {
        findings = examine_machine(*settings);
        for (auto& finding : examine_setup(*settings)) findings.push_back(std::move(finding));
    } else {
        const auto& error = settings.error();
        if (error.violations.empty()) {
            findings.push_back({"settings", Finding::Grade::bad, error.message});
        }
        for (const auto& problem : error.violations) {
            findings.push_back({"settings", Finding::Grade::bad, problem.rule});
        }
    }
    if (options.format == "json")
        print_json(findings);
    else
        print_table(findings);
    return std::ranges::any_of(
               findings,
               [](const Finding& finding) { return finding.grade == Finding::Grade::bad; })
               ? kFailed
               : kOk;
}

}  // namespace

void add_doctor(Command& root) {
    const auto options = std::make_shared<DoctorOptions>();
    auto command =
        root.command("doctor", "look at this machine and the settings for what gets in the way");
    add_setting_flags(command, options->flags);
    command.option("-o,--format", options->format, "how to print").choices({"table", "json"});
    command.footer("Ends with 1 when something will not work; a warning alone is no failure.");
    command.action([options] { return examine(*options); });
}

}  // namespace headrace::main
