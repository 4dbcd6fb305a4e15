// headrace manual: the pages of man, written from the parser's own tree and the table of settings.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include <fmt/format.h>

#include "config/setting.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/version.hpp"

namespace headrace::main {
namespace {

namespace fs = std::filesystem;
using Info = CommandLine::CommandInfo;

/// As roff takes it literally: a line that begins with a dot or a quote would be a request.
std::string roff(std::string_view text) {
    std::string out;
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && (c == '.' || c == '\'')) out += R"(\&)";
        if (c == '\\')
            out += R"(\e)";
        else if (c == '-')
            out += R"(\-)";
        else
            out += c;
        line_begins = c == '\n';
    }
    return out;
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string head(std::string_view page, int section, std::string_view doc) {
    return fmt::format(".TH {} {} \"\" \"headrace {}\"\n.SH NAME\n{} \\- {}\n",
                       upper(std::string(page)), section, kVersion, roff(page), roff(doc));
}

std::string option_line(const CommandLine::OptionInfo& option) {
    std::string names;
    for (const auto& name : option.names) {
        names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
    }
    if (!option.value.empty()) names += fmt::format(" \\fI{}\\fR", roff(option.value));
    return fmt::format(".TP\n{}\n{}\n", names, roff(option.doc));
}

std::string synopsis(const Info& info, const std::string& path) {
    std::string out = fmt::format("\\fB{}\\fR", roff(path));
    if (!info.options.empty()) out += " [\\fIoptions\\fR]";
    for (const auto& one : info.positionals)
        out += fmt::format(" \\fI{}\\fR", roff(one.names.front()));
    if (!info.commands.empty()) out += " \\fIcommand\\fR";
    return out + "\n";
}

std::string options_of(const Info& info) {
    std::string out;
    for (const auto& one : info.positionals) out += option_line(one);
    for (const auto& option : info.options) out += option_line(option);
    return out;
}

/// One page for a command with all of its inner commands.
std::string command_page(const Info& info) {
    const std::string path = "headrace " + info.name;
    std::string out = head("headrace-" + info.name, 1, info.doc) + ".SH SYNOPSIS\n";
    out += synopsis(info, path);
    for (const auto& inner : info.commands)
        out += ".br\n" + synopsis(inner, path + " " + inner.name);
    out += ".SH OPTIONS\n" + options_of(info);
    for (const auto& inner : info.commands) {
        out += fmt::format(".SH {}\n{}\n{}", upper(roff(info.name + " " + inner.name)),
                           roff(inner.doc), options_of(inner));
        if (!inner.footer.empty()) out += ".PP\n" + roff(inner.footer) + "\n";
    }
    if (!info.footer.empty()) out += ".SH NOTES\n" + roff(info.footer) + "\n";
    return out + ".SH SEE ALSO\n\\fBheadrace\\fR(1), \\fBheadrace.toml\\fR(5)\n";
}

std::string root_page(const Info& root) {
    std::string out =
        head("headrace", 1, "turns models and inference engines into AI capabilities");
    out += ".SH SYNOPSIS\n" + synopsis(root, "headrace") + ".SH COMMANDS\n";
    std::string see;
    for (const auto& inner : root.commands) {
        out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(inner.name), roff(inner.doc));
        see += fmt::format("\\fBheadrace\\-{}\\fR(1), ", roff(inner.name));
    }
    out += ".SH EXIT STATUS\n" + roff(root.footer) + "\n";
    return out + ".SH SEE ALSO\n" + see + "\\fBheadrace.toml\\fR(5)\n";
}

std::string settings_page() {
    std::string out = head("headrace.toml", 5, "settings of headrace serve");
    out +=
        ".SH DESCRIPTION\nOne TOML file, named by \\fB\\-\\-config\\fR or HEADRACE_CONFIG. The "
        "environment variable that each\nsetting names wins over the file, "
        "\\fB\\-\\-set\\fR wins over both. Unknown keys stop the start.\n";
    std::string_view section;
    for (const auto& setting : config::declared()) {
        if (setting.section != section) {
            section = setting.section;
            out += fmt::format(".SH [{}]\n{}\n", upper(roff(section)),
                               roff(config::section_doc(section)));
        }
        const std::string initial =
            setting.initial.empty() ? "" : fmt::format(", default {}", setting.initial);
        out += fmt::format(".TP\n\\fB{}\\fR ({}{})\n{}\n.br\n{}\n", roff(setting.key),
                           roff(config::describe_type(setting)), roff(initial), roff(setting.doc),
                           roff(setting.variable()));
    }
    return out + ".SH SEE ALSO\n\\fBheadrace\\-serve\\fR(1)\n";
}

bool write_page(const fs::path& folder, const std::string& name, const std::string& text) {
    std::ofstream file(folder / name);
    file << text;
    file.close();
    if (file) return true;
    print_error("headrace: cannot write " + (folder / name).string());
    return false;
}

int write_all(const fs::path& folder, const Info& root) {
    std::error_code error;
    fs::create_directories(folder, error);
    bool good = write_page(folder, "headrace.1", root_page(root)) &&
                write_page(folder, "headrace.toml.5", settings_page());
    for (const auto& inner : root.commands) {
        good = good && write_page(folder, "headrace-" + inner.name + ".1", command_page(inner));
    }
    return good ? kOk : kFailed;
}

}  // namespace

void add_manual(Command& root, const CommandLine& line) {
    const auto folder = std::make_shared<std::string>();
    auto command = root.command("manual", "write the pages of man into a folder");
    command.option("--dir", *folder, "where to write them").required().value_name("DIR");
    command.action([folder, &line] { return write_all(*folder, line.describe()); });
}

}  // namespace headrace::main
