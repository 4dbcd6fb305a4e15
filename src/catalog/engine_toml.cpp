#include "catalog/engine_toml.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "catalog/findings.hpp"
#include "catalog/toml_tree.hpp"
#include "catalog/validator.hpp"

namespace headrace::catalog {
namespace {

constexpr std::size_t kMaxEnvironment = 256;
constexpr std::size_t kMaxArguments = 64;
constexpr std::size_t kMaxSettings = 64 * 1024;  // bytes of JSON

bool is_identifier(std::string_view word, bool dotted) {
    if (word.empty() || (word[0] >= '0' && word[0] <= '9') || word[0] == '.') return false;
    return std::all_of(word.begin(), word.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || (dotted && c == '.');
    });
}

/// "module.inner:Name"
bool is_entry(std::string_view text) {
    const auto colon = text.find(':');
    return colon != std::string_view::npos && is_identifier(text.substr(0, colon), true) &&
           is_identifier(text.substr(colon + 1), false);
}

/// Stays inside the engine's folder, whatever the folder is.
bool is_inner_path(std::string_view text) {
    const std::filesystem::path path(text);
    if (text.empty() || path.is_absolute()) return false;
    return std::none_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

/// "512 MiB", "2GB", "1024".
std::optional<std::uint64_t> bytes_from(std::string_view text) {
    constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {{"", 1},
                                                                     {"B", 1},
                                                                     {"KiB", 1ULL << 10},
                                                                     {"MiB", 1ULL << 20},
                                                                     {"GiB", 1ULL << 30},
                                                                     {"KB", 1'000},
                                                                     {"MB", 1'000'000},
                                                                     {"GB", 1'000'000'000}};
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (text.starts_with(' ')) text.remove_prefix(1);
    for (const auto& [unit, factor] : kUnits) {
        if (text == unit && number <= (1ULL << 50) / factor) return number * factor;
    }
    return std::nullopt;
}

/// Reads everything of the file that is not interface.
class EngineReader {
  public:
    EngineReader(EngineSpec& spec, Findings& findings) : spec_(spec), findings_(findings) {}

    void read(const json::object& root) {
        const PathNode top;
        for (const auto& member : root) section(member.key(), member.value(), top.at(member.key()));
        for (const char* key : {"capability", "version"}) {
            if (!root.contains(key)) findings_.add(top.at(key), "required");
        }
        const bool native = root.contains("native");
        const bool python = root.contains("python");
        const bool command = root.contains("command");
        if (native + python + command != 1) {
            findings_.add(top.at("native"), "required", "[native], [python] or [command], one");
        }
        if (python)
            spec_.kind = EngineKind::python;
        else if (command)
            spec_.kind = EngineKind::command;
        if (native && spec_.library.empty())
            findings_.add(top.at("native").at("library"), "required");
        if (python && spec_.entry.empty()) findings_.add(top.at("python").at("entry"), "required");
        if (command && spec_.command.empty())
            findings_.add(top.at("command").at("argv"), "required");
    }

    /// What interface_from_json() is to read.
    [[nodiscard]] const json::object& interface() const { return interface_; }

  private:
    void section(std::string_view key, const json::value& value, const PathNode& here) {
        if (key == "capability") {
            if (text(value, spec_.capability, here) && !is_capability_name(spec_.capability)) {
                findings_.add(here, "pattern", "[a-z][a-z0-9_.-]{0,62}");
            }
        } else if (key == "version") {
            if (text(value, spec_.version, here) && !SemVer::parse(spec_.version)) {
                findings_.add(here, "semver", "1.2.3");
            }
        } else if (key == "title") {
            text(value, spec_.title, here);
        } else if (key == "description") {
            text(value, spec_.description, here);
        } else if (key == "slots") {
            integer(value, spec_.limits.slots, 1, 1024, here);
        } else if (key == "max_batch") {
            integer(value, spec_.limits.max_batch, 1, 64, here);
        } else if (key == "max_wait_ms") {
            integer(value, spec_.limits.max_wait_ms, 0, 60'000, here);
        } else if (key == "native") {
            table(value, here, &EngineReader::native);
        } else if (key == "python") {
            table(value, here, &EngineReader::python);
        } else if (key == "command") {
            table(value, here, &EngineReader::command);
        } else if (key == "limits") {
            table(value, here, &EngineReader::limits);
        } else if (key == "gpu") {
            table(value, here, &EngineReader::gpu);
        } else if (key == "sandbox") {
            table(value, here, &EngineReader::sandbox);
        } else if (key == "environment") {
            table(value, here, &EngineReader::environment);
        } else if (key == "settings") {
            settings(value, here);
        } else {
            interface_[key] = value;  // a key that nobody knows is found there
        }
    }

    void native(std::string_view key, const json::value& value, const PathNode& here) {
        if (key != "library") return findings_.add(here, "unknown_field");
        if (text(value, spec_.library, here) &&
            (spec_.library.find('/') != std::string::npos || !spec_.library.ends_with(".so"))) {
            findings_.add(here, "file_name", "a name that ends with .so");
        }
    }

    void command(std::string_view key, const json::value& value, const PathNode& here) {
        if (key != "argv") return findings_.add(here, "unknown_field");
        const auto* words = value.if_array();
        if (!words || words->empty() || words->size() > kMaxArguments) {
            return findings_.add(here, "type:list", "1 to 64 strings");
        }
        for (const auto& word : *words) {
            if (!word.is_string() || word.get_string().empty()) {
                return findings_.add(here, "type:string", "words that are not empty");
            }
            spec_.command.emplace_back(word.get_string());
        }
        const std::string& program = spec_.command.front();
        if (program[0] != '/' && program.find('/') != std::string::npos &&
            !is_inner_path(program)) {
            findings_.add(here, "path", "absolute, inside the engine's folder, or a name");
        }
    }

    void python(std::string_view key, const json::value& value, const PathNode& here) {
        if (key == "entry") {
            if (text(value, spec_.entry, here) && !is_entry(spec_.entry)) {
                findings_.add(here, "entry", "module:Name");
            }
        } else if (key == "interpreter") {
            if (text(value, spec_.interpreter, here) && spec_.interpreter[0] != '/' &&
                spec_.interpreter.find('/') != std::string::npos) {
                findings_.add(here, "path", "absolute, or a name");
            }
        } else if (key == "venv") {
            if (text(value, spec_.venv, here) && spec_.venv[0] != '/' &&
                !is_inner_path(spec_.venv)) {
                findings_.add(here, "path", "absolute, or inside the engine's folder");
            }
        } else if (key == "requirements") {
            if (text(value, spec_.requirements, here) && !is_inner_path(spec_.requirements)) {
                findings_.add(here, "path", "inside the engine's folder");
            }
        } else if (key == "async") {
            if (value.is_bool())
                spec_.async = value.get_bool();
            else
                findings_.add(here, "type:boolean");
        } else {
            findings_.add(here, "unknown_field");
        }
    }

    void limits(std::string_view key, const json::value& value, const PathNode& here) {
        auto& limits = spec_.limits;
        if (key == "memory") return memory(value, limits.memory_bytes, here);
        if (key == "run_timeout_s") return seconds(value, limits.run_timeout_ms, here);
        if (key == "stall_timeout_s") return seconds(value, limits.stall_timeout_ms, here);
        if (key == "cancel_grace_s") return seconds(value, limits.cancel_grace_ms, here);
        if (key == "start_timeout_s") return seconds(value, limits.start_timeout_ms, here);
        findings_.add(here, "unknown_field");
    }

    void gpu(std::string_view key, const json::value& value, const PathNode& here) {
        if (key == "count") return integer(value, spec_.gpus, 0, 64, here);
        if (key == "memory") return memory(value, spec_.gpu_memory, here);
        findings_.add(here, "unknown_field");
    }

    void sandbox(std::string_view key, const json::value& value, const PathNode& here) {
        if (key != "network") return findings_.add(here, "unknown_field");
        if (!value.is_bool()) return findings_.add(here, "type:boolean");
        spec_.network = value.get_bool();
    }

    void environment(std::string_view key, const json::value& value, const PathNode& here) {
        std::string content;
        if (!is_identifier(key, false)) {
            findings_.add(here, "pattern", "[A-Za-z_][A-Za-z0-9_]*");
        } else if (spec_.environment.size() >= kMaxEnvironment) {
            findings_.add(here, "max_items", std::to_string(kMaxEnvironment));
        } else if (value.is_string() && value.get_string().find('\0') == json::string::npos) {
            spec_.environment.emplace(key, std::string(value.get_string()));
        } else {
            findings_.add(here, "type:string");
        }
    }

    void settings(const json::value& value, const PathNode& here) {
        if (!value.is_object()) return findings_.add(here, "type:object");
        spec_.settings = json::serialize(value);
        if (spec_.settings.size() > kMaxSettings) {
            findings_.add(here, "max_bytes", std::to_string(kMaxSettings));
        }
    }

    using Entry = void (EngineReader::*)(std::string_view, const json::value&, const PathNode&);

    void table(const json::value& value, const PathNode& here, Entry entry) {
        const auto* object = value.if_object();
        if (!object) return findings_.add(here, "type:object");
        for (const auto& member : *object) {
            const std::string_view key = member.key();
            (this->*entry)(key, member.value(), here.at(key));
        }
    }

    /// Not empty: every text of this part that may stand must say something.
    bool text(const json::value& value, std::string& to, const PathNode& here) {
        if (!value.is_string() || value.get_string().empty()) {
            findings_.add(here, value.is_string() ? "min_length" : "type:string",
                          value.is_string() ? "1" : "");
            return false;
        }
        to = value.get_string();
        return true;
    }

    void integer(const json::value& value, std::uint32_t& to, std::uint32_t least,
                 std::uint32_t most, const PathNode& here) {
        const auto* number = value.if_int64();
        if (!number) return findings_.add(here, "type:integer");
        if (*number < least) return findings_.add(here, "min", std::to_string(least));
        if (*number > most) return findings_.add(here, "max", std::to_string(most));
        to = static_cast<std::uint32_t>(*number);
    }

    void seconds(const json::value& value, std::uint32_t& to_ms, const PathNode& here) {
        constexpr double kMostSeconds = 7 * 24 * 3600;
        if (!value.is_number()) return findings_.add(here, "type:float");
        const auto number = value.to_number<double>();
        if (number < 0) return findings_.add(here, "min", "0");
        if (number > kMostSeconds)
            return findings_.add(here, "max", fmt::format("{}", kMostSeconds));
        to_ms = static_cast<std::uint32_t>(std::llround(number * 1000));
    }

    void memory(const json::value& value, std::uint64_t& to, const PathNode& here) {
        std::optional<std::uint64_t> bytes;
        if (const auto* number = value.if_int64(); number && *number >= 0) {
            bytes = static_cast<std::uint64_t>(*number);
        } else if (const auto* word = value.if_string()) {
            bytes = bytes_from(*word);
        }
        if (bytes)
            to = *bytes;
        else
            findings_.add(here, "bytes", "a number, or as \"512 MiB\"");
    }

    EngineSpec& spec_;
    Findings& findings_;
    json::object interface_;
};

/// One error whose message names the line of every fault.
Error with_lines(std::vector<Violation> violations, const toml::table& root,
                 const std::string& origin) {
    std::string message;
    for (const auto& violation : violations) {
        if (!message.empty()) message += "; ";
        message += fmt::format("{}:{}: {} {}", origin, std::max(1U, line_of(root, violation.path)),
                               violation.path, violation.rule);
        if (!violation.limit.empty()) message += " (" + violation.limit + ')';
    }
    return Error{ErrorCode::invalid_argument, std::move(message), std::move(violations), 0};
}

}  // namespace

std::string_view to_string(EngineKind kind) {
    switch (kind) {
        case EngineKind::native:
            return "native";
        case EngineKind::python:
            return "python";
        case EngineKind::command:
            return "command";
    }
    return "native";
}

std::uint32_t EngineSpec::processes() const {
    const bool shared = kind != EngineKind::python || async || limits.max_batch > 1;
    return shared ? 1 : limits.slots;
}

Result<EngineSpec> parse_engine_toml(std::string_view text, const std::string& origin,
                                     const std::filesystem::path& directory) {
    toml::table root;
    try {
        root = toml::parse(text, origin);
    } catch (const toml::parse_error& error) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{}:{}: not valid TOML: {}", origin, error.source().begin.line,
                                std::string_view(error.description())));
    }
    Findings findings(Validator::kMaxViolations);
    const json::value tree = to_json(root, PathNode{}, findings);
    EngineSpec spec;
    spec.directory = directory;
    EngineReader reader(spec, findings);
    reader.read(tree.get_object());
    auto violations = std::move(findings).error("the engine").violations;

    auto interface = interface_from_json(reader.interface());
    auto compiled = interface ? Validator::compile(*interface) : tl::unexpected(interface.error());
    if (!compiled) {
        auto& more = compiled.error().violations;
        violations.insert(violations.end(), more.begin(), more.end());
    }
    if (!violations.empty()) return fail(with_lines(std::move(violations), root, origin));
    spec.interface = std::move(*interface);
    return spec;
}

}  // namespace headrace::catalog
