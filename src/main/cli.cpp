#include "main/cli.hpp"

#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>

namespace headrace::main {
namespace {

CommandLine::CommandInfo describe_app(const CLI::App& app) {
    CommandLine::CommandInfo info;
    info.name = app.get_name();
    info.doc = app.get_description();
    info.footer = app.get_footer();
    for (const CLI::Option* option : app.get_options()) {
        CommandLine::OptionInfo item;
        for (const auto& name : option->get_snames()) item.names.push_back("-" + name);
        for (const auto& name : option->get_lnames()) item.names.push_back("--" + name);
        item.doc = option->get_description();
        if (item.names.empty()) {
            item.names.push_back(option->get_name(true));
            info.positionals.push_back(std::move(item));
            continue;
        }
        item.takes_value = option->get_items_expected_max() > 0;
        const auto type = option->get_type_name();
        if (item.takes_value) item.value = type;
        item.takes_path =
            type.find("FILE") != std::string::npos || type.find("DIR") != std::string::npos;
        const auto open = type.find('{');
        const auto close = type.find('}');
        if (open != std::string::npos && close != std::string::npos) {
            std::string word;
            for (const char c : type.substr(open + 1, close - open - 1) + ",") {
                if (c != ',') {
                    word += c;
                    continue;
                }
                item.choices.push_back(word);
                word.clear();
            }
        }
        info.options.push_back(std::move(item));
    }
    for (const CLI::App* inner : app.get_subcommands({}))
        info.commands.push_back(describe_app(*inner));
    return info;
}

}  // namespace

Option& Option::required() {
    option_->required();
    return *this;
}
Option& Option::choices(const std::vector<std::string>& words) {
    std::string shown;
    for (const auto& word : words) shown += (shown.empty() ? "{" : ",") + word;
    option_->check(CLI::IsMember(words).description(""));
    option_->type_name(shown + "}");
    return *this;
}
Option& Option::value_name(const std::string& name) {
    option_->type_name(name);
    return *this;
}
Option& Option::group(const std::string& name) {
    option_->group(name);
    return *this;
}
bool Option::given() const {
    return option_->count() > 0;
}

Command Command::command(const std::string& name, const std::string& doc) {
    return Command(*app_.add_subcommand(name, doc));
}
Option Command::option(const std::string& names, std::string& target, const std::string& doc) {
    auto* option = app_.add_option(names, target, doc);
    if (!target.empty()) option->capture_default_str();
    return Option(option);
}
Option Command::option(const std::string& names, std::optional<std::string>& target,
                       const std::string& doc) {
    return Option(app_.add_option(names, target, doc));
}
Option Command::option(const std::string& names, std::vector<std::string>& target,
                       const std::string& doc) {
    // One value each time: "--engine A --engine B" must not swallow what follows.
    return Option(app_.add_option(names, target, doc)->allow_extra_args(false));
}
Option Command::option(const std::string& names, std::optional<std::int64_t>& target,
                       const std::string& doc) {
    return Option(app_.add_option(names, target, doc));
}
Option Command::option(const std::string& names, std::optional<double>& target,
                       const std::string& doc) {
    return Option(app_.add_option(names, target, doc));
}
Option Command::flag(const std::string& names, bool& target, const std::string& doc) {
    return Option(app_.add_flag(names, target, doc));
}
Option Command::flag(const std::string& names, std::optional<bool>& target,
                     const std::string& doc) {
    return Option(app_.add_flag_callback(
                          names, [] {}, doc)
                      ->each([&target](const std::string& text) { target = text != "false"; }));
}
void Command::action(std::function<int()> run) {
    // An exit code travels as an exception: CLI11 has no other way out of a callback.
    app_.callback([run = std::move(run)] { throw CLI::RuntimeError(run()); });
}
bool Command::has(const std::string& name) const {
    return app_.get_option_no_throw(name) != nullptr;
}
void Command::needs_command() {
    app_.require_subcommand(1);
}
void Command::rest(std::vector<std::string>& rest) {
    app_.prefix_command();
    app_.parse_complete_callback([this_app = &app_, &rest] { rest = this_app->remaining(); });
}
void Command::footer(const std::string& text) {
    app_.footer(text);
}

struct CommandLine::State {
    explicit State(const std::string& name, const std::string& doc) : app(doc, name) {}
    CLI::App app;
};

CommandLine::CommandLine(const std::string& name, const std::string& doc)
    : state_(std::make_unique<State>(name, doc)) {}
CommandLine::~CommandLine() = default;

Command CommandLine::root() {
    return Command(state_->app);
}

int CommandLine::run(int argc, const char* const* argv) {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    return parse(std::move(arguments)).value_or(kOk);
}

std::optional<int> CommandLine::parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants it
    try {
        state_->app.parse(std::move(arguments));
        return std::nullopt;
    } catch (const CLI::RuntimeError& result) {
        return result.get_exit_code();
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return state_->app.exit(error, std::cout, std::cerr);
        const auto* command = &state_->app;
        std::string name = command->get_name();
        while (!command->get_subcommands().empty()) {
            command = command->get_subcommands().front();
            name += " " + command->get_name();
        }
        const auto left = command->remaining();
        const bool no_command = error.get_name() == "RequiredError" && !left.empty() &&
                                !command->get_subcommands({}).empty();
        std::cerr << name << ": "
                  << (no_command ? "there is no command " + left.front()
                                 : std::string(error.what()))
                  << "\n  " << name << " --help tells what there is\n";
        return kUsage;
    }
}

void CommandLine::parse_known(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    state_->app.allow_extras();
    state_->app.set_help_flag();
    try {
        state_->app.parse(std::move(arguments));
    } catch (const CLI::ParseError&) {
        // The full parse that follows reports it.
    }
}

CommandLine::CommandInfo CommandLine::describe() const {
    return describe_app(state_->app);
}

}  // namespace headrace::main
