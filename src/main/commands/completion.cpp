// headrace completion bash|zsh|fish: written from the parser's own tree, so it cannot fall behind.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

using Info = CommandLine::CommandInfo;

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

std::string single_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += R"('\'')";
        else
            out += c;
    }
    return out + "'";
}

/// Every command with its path, such as "jobs list"; the root's is empty.
void walk(const Info& info, const std::string& path,
          const std::function<void(const Info&, const std::string&)>& visit) {
    visit(info, path);
    for (const auto& inner : info.commands) {
        walk(inner, path.empty() ? inner.name : path + " " + inner.name, visit);
    }
}

std::vector<std::string> words_of(const Info& info) {
    std::vector<std::string> words;
    for (const auto& inner : info.commands) words.push_back(inner.name);
    for (const auto& option : info.options) {
        words.insert(words.end(), option.names.begin(), option.names.end());
    }
    return words;
}

std::string bash(const Info& root) {
    std::string words;
    std::string values;
    walk(root, "", [&](const Info& info, const std::string& path) {
        words += fmt::format("        {}) words={} ;;\n", single_quoted(path),
                             single_quoted(joined(words_of(info))));
        for (const auto& option : info.options) {
            if (!option.takes_value) continue;
            std::string patterns;
            for (const auto& name : option.names) {
                if (!patterns.empty()) patterns += '|';
                patterns += single_quoted(path + "|" + name);
            }
            const std::string reply =
                option.takes_path ? R"(COMPREPLY=($(compgen -f -- "$current")))"
                : option.choices.empty()
                    ? "COMPREPLY=()"
                    : fmt::format(R"(COMPREPLY=($(compgen -W {} -- "$current")))",
                                  single_quoted(joined(option.choices)));
            values += fmt::format("        {}) {}; return ;;\n", patterns, reply);
        }
    });
    return fmt::format(R"(# bash completion of headrace: source <(headrace completion bash)
_headrace() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} path='' words='' word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in
            -*) break ;;
            *) path="${{path:+$path }}$word" ;;
        esac
    done
    while :; do
        case "$path|$before" in
{}        esac
        case "$path" in
{}        esac
        if [ -n "$words" ] || [ -z "$path" ]; then break; fi
        case "$path" in *' '*) path=${{path% *}} ;; *) path='' ;; esac
    done
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _headrace headrace
)",
                       values, words);
}

std::string zsh(const Info& root) {
    // zsh reads bash's functions; its own form would say the same things twice.
    return "#compdef headrace\n# zsh completion of headrace: source <(headrace completion zsh)\n"
           "autoload -U +X bashcompinit && bashcompinit\n" +
           bash(root);
}

std::string fish(const Info& root) {
    std::string out = "# fish completion of headrace: headrace completion fish | source\n";
    walk(root, "", [&](const Info& info, const std::string& path) {
        std::string condition = "__fish_use_subcommand";
        if (!path.empty()) {
            const auto space = path.find(' ');
            condition = space == std::string::npos
                            ? "__fish_seen_subcommand_from " + path
                            : fmt::format(
                                  "__fish_seen_subcommand_from {}; and "
                                  "__fish_seen_subcommand_from {}",
                                  path.substr(0, space), path.substr(space + 1));
        }
        for (const auto& inner : info.commands) {
            const bool is_group = !path.empty();
            std::vector<std::string> names;
            for (const auto& other : info.commands) names.push_back(other.name);
            out += fmt::format(
                "complete -c headrace -f -n {} -a {} -d {}\n",
                single_quoted(is_group ? condition + "; and not __fish_seen_subcommand_from " +
                                             joined(names)
                                       : condition),
                inner.name, single_quoted(inner.doc));
        }
        for (const auto& option : info.options) {
            out += fmt::format("complete -c headrace -n {}", single_quoted(condition));
            for (const auto& name : option.names) {
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            if (option.takes_value) out += option.takes_path ? " -r -F" : " -x";
            if (!option.choices.empty()) out += " -a " + single_quoted(joined(option.choices));
            out += " -d " + single_quoted(option.doc) + "\n";
        }
    });
    return out;
}

}  // namespace

void add_completion(Command& root, const CommandLine& line) {
    auto group = root.command("completion", "completion for a shell: bash, zsh or fish");
    group.needs_command();
    const auto add = [&](const char* name, std::string (*write)(const Info&)) {
        group.command(name, fmt::format("print the completion of {}", name)).action([write, &line] {
            print(write(line.describe()));
            return static_cast<int>(kOk);
        });
    };
    add("bash", bash);
    add("zsh", zsh);
    add("fish", fish);
}

}  // namespace headrace::main
