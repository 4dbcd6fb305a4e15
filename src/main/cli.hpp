#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace headrace::main {

/// What the program ends with; `headrace --help` lists them.
enum ExitCode : int {
    kOk = 0,
    kFailed = 1,       // a job did not succeed, or a check found something
    kUsage = 2,        // wrong arguments, or a setting that stops the start
    kRefused = 3,      // the server said no
    kUnreachable = 4,  // no server, or it has trouble
};

/// One option of a command. The target of an option must outlive parsing.
class Option {
  public:
    explicit Option(CLI::Option* option) : option_(option) {}
    Option& required();
    Option& choices(const std::vector<std::string>& words);
    /// What help calls the value: "FILE", "HOST:PORT".
    Option& value_name(const std::string& name);
    Option& group(const std::string& name);
    [[nodiscard]] bool given() const;

  private:
    CLI::Option* option_;
};

/// A command with its options and inner commands: a thin front, so that one file sees the parser.
class Command {
  public:
    explicit Command(CLI::App& app) : app_(app) {}

    Command command(const std::string& name, const std::string& doc);
    Option option(const std::string& names, std::string& target, const std::string& doc);
    Option option(const std::string& names, std::optional<std::string>& target,
                  const std::string& doc);
    Option option(const std::string& names, std::vector<std::string>& target,
                  const std::string& doc);
    Option option(const std::string& names, std::optional<std::int64_t>& target,
                  const std::string& doc);
    Option option(const std::string& names, std::optional<double>& target, const std::string& doc);
    Option flag(const std::string& names, bool& target, const std::string& doc);
    /// "--x,!--no-x": absent, true or false.
    Option flag(const std::string& names, std::optional<bool>& target, const std::string& doc);
    /// Runs when the command was chosen and parsed; gives the exit code.
    void action(std::function<int()> run);
    /// Whether it has an option of that name, such as "--rate".
    [[nodiscard]] bool has(const std::string& name) const;
    /// An inner command must be named.
    void needs_command();
    /// Everything after the first positional goes to `rest`, unparsed, `--help` too.
    void rest(std::vector<std::string>& rest);
    void footer(const std::string& text);

  private:
    CLI::App& app_;
};

/// A command line: its root command and the parser's storage.
class CommandLine {
  public:
    CommandLine(const std::string& name, const std::string& doc);
    ~CommandLine();
    Command root();
    /// Parses and runs the chosen action. Help goes to standard output, mistakes to standard error.
    int run(int argc, const char* const* argv);
    /// Parses only; the exit code where there is nothing left to do.
    std::optional<int> parse(std::vector<std::string> arguments);
    /// Parses what it knows and leaves the rest: for options that must be read before the others.
    void parse_known(std::vector<std::string> arguments);

    struct OptionInfo {
        std::vector<std::string> names;  // with their dashes
        std::string doc;
        bool takes_value = false;
        bool takes_path = false;
        std::string value;  // what help calls it: "FILE", "{a,b}"
        std::vector<std::string> choices;
    };
    struct CommandInfo {
        std::string name;
        std::string doc;
        std::string footer;
        std::vector<OptionInfo> options;
        std::vector<OptionInfo> positionals;  // one name each, without dashes
        std::vector<CommandInfo> commands;
    };
    /// The parser's own tree, for shell completion and the manual.
    [[nodiscard]] CommandInfo describe() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace headrace::main
