// headrace engine new|check|run: the Python kit does the work, in the engine's own environment.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "catalog/engine_toml.hpp"
#include "engines/settings.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct EngineOptions {
    std::string name;
    std::string kind = "python";
    std::string folder;
    std::string sample;
    std::string input;
    std::string save;
    bool install = false;
    bool watch = false;
};

/// Becomes `python -m headrace.cli ARGUMENTS`; comes back only when that is impossible.
int become_kit(std::vector<std::string> arguments) {
    const auto sdk = engines::settings_beside(engines::program_folder()).python_sdk;
    const char* given = std::getenv("HEADRACE_ENGINES_PYTHON");
    const std::string python = given && *given ? given : "python3";
    if (!sdk.empty()) {
        const char* before = std::getenv("PYTHONPATH");
        const auto path = before && *before ? sdk.string() + ":" + before : sdk.string();
        ::setenv("PYTHONPATH", path.c_str(), 1);
    }
    arguments.insert(arguments.begin(), {python, "-m", "headrace.cli"});
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execvp(python.c_str(), argv.data());
    print_error(fmt::format("headrace: {} cannot be run: {}; set HEADRACE_ENGINES_PYTHON", python,
                            std::strerror(errno)));
    return kUsage;
}

void give(std::vector<std::string>& arguments, const char* flag, const std::string& value) {
    if (value.empty()) return;
    arguments.emplace_back(flag);
    arguments.push_back(value);
}

int make(const EngineOptions& options) {
    std::vector<std::string> arguments{"new", options.name, "--kind", options.kind};
    give(arguments, "--dir", options.folder);
    return become_kit(std::move(arguments));
}

int check(const EngineOptions& options) {
    // The server's own reading of engine.toml comes first: what it refuses, nothing else can mend.
    const auto spec = catalog::load_engine(options.folder);
    if (!spec) {
        print_error("headrace: " + spec.error().message);
        for (const auto& item : spec.error().violations) {
            print_error(fmt::format("  {}: {} {}", item.path, item.rule, item.limit));
        }
        return kFailed;
    }
    std::vector<std::string> arguments{"check", options.folder};
    if (options.install) arguments.emplace_back("--install");
    give(arguments, "--run", options.sample);
    return become_kit(std::move(arguments));
}

int run(const EngineOptions& options) {
    std::vector<std::string> arguments{"run", options.folder};
    give(arguments, "--input", options.input);
    give(arguments, "--save", options.save);
    if (options.watch) arguments.emplace_back("--watch");
    return become_kit(std::move(arguments));
}

}  // namespace

void add_engine(Command& root) {
    auto group = root.command("engine", "write, check and try an engine without a server");
    group.needs_command();
    const auto options = std::make_shared<EngineOptions>();

    auto new_command = group.command("new", "write the files of a new engine");
    new_command.option("name", options->name, "name of its capability")
        .required()
        .value_name("NAME");
    new_command.option("--kind", options->kind, "what it is written in")
        .choices({"python", "native"});
    new_command.option("--dir", options->folder, "folder to write; the name when absent")
        .value_name("DIR");
    new_command.action([options] { return make(*options); });

    auto check_command = group.command("check", "hold an engine against its interface");
    check_command.option("folder", options->folder, "folder of its engine.toml")
        .required()
        .value_name("DIR");
    check_command.flag("--install", options->install, "make its environment first");
    check_command.option("--run", options->sample, "then run one job with this file of inputs")
        .value_name("FILE");
    check_command.action([options] { return check(*options); });

    auto run_command = group.command("run", "run one job without a server");
    run_command.option("folder", options->folder, "folder of its engine.toml")
        .required()
        .value_name("DIR");
    run_command.option("--input", options->input, "inputs as JSON, or a file of it")
        .value_name("JSON|FILE");
    run_command.option("--save", options->save, "where media outputs go").value_name("DIR");
    run_command.flag("--watch", options->watch, "run again whenever a file of the engine changes");
    run_command.action([options] { return run(*options); });
}

}  // namespace headrace::main
