// Reads the sources in their order and keeps, for each value, the place it came from.
#include <algorithm>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "config/config.hpp"

namespace headrace::config {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t up = row[j];
            row[j] = std::min({up + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = up;
        }
    }
    return row[b.size()];
}

std::string nearest(const std::string& name, const std::vector<std::string>& known) {
    // A name that shares nothing with the typo helps nobody: at most a third of it may differ.
    std::size_t best = std::max<std::size_t>(2, name.size() / 3) + 1;
    std::string found;
    for (const auto& candidate : known) {
        const std::size_t distance = edit_distance(name, candidate);
        if (distance < best) {
            best = distance;
            found = candidate;
        }
    }
    return found;
}

/// Kubernetes puts HEADRACE_SERVER_PORT_8600_TCP=... into every container beside a service
/// "headrace-server".
bool is_service_link(std::string_view name, std::string_view value) {
    return name.ends_with("_SERVICE_HOST") ||
           name.find("_SERVICE_PORT") != std::string_view::npos ||
           name.find("_TCP") != std::string_view::npos ||
           name.find("_UDP") != std::string_view::npos || value.starts_with("tcp://") ||
           value.starts_with("udp://");
}

std::optional<Value> value_of(const Setting& setting, const toml::node& node) {
    switch (setting.type) {
        case Type::boolean:
            if (const auto* v = node.as_boolean()) return Value(v->get());
            return std::nullopt;
        case Type::integer:
            if (const auto* v = node.as_integer()) return Value(v->get());
            return std::nullopt;
        case Type::seconds:
            if (const auto* v = node.as_integer()) return Value(static_cast<double>(v->get()));
            if (const auto* v = node.as_floating_point(); v && std::isfinite(v->get())) {
                return Value(v->get());
            }
            return std::nullopt;
        case Type::bytes:
            if (const auto* v = node.as_integer(); v && v->get() >= 0) return Value(v->get());
            if (const auto* v = node.as_string()) {
                auto parsed = parse_value(setting, v->get());
                if (parsed) return std::move(*parsed);
            }
            return std::nullopt;
        case Type::list: {
            const auto* array = node.as_array();
            if (!array) return std::nullopt;
            std::vector<std::string> items;
            for (const auto& item : *array) {
                const auto* text = item.as_string();
                if (!text) return std::nullopt;
                items.push_back(text->get());
            }
            return Value(std::move(items));
        }
        case Type::text:
        case Type::word:
        case Type::path:
        case Type::secret:
            if (const auto* v = node.as_string()) return Value(v->get());
            return std::nullopt;
    }
    return std::nullopt;
}

Result<std::string> read_secret_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream content;
    if (!in || !(content << in.rdbuf())) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("names a file that cannot be read: {}", path));
    }
    std::string text = content.str();
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
}

}  // namespace

class Loader {
  public:
    explicit Loader(std::span<const Setting> settings) : settings_(settings) {
        for (const auto& setting : settings) {
            auto initial = parse_value(setting, setting.initial);
            if (!initial) throw std::logic_error("bad default of " + setting.name());
            config_.by_name_.emplace(setting.name(), config_.entries_.size());
            config_.entries_.push_back({&setting, std::move(*initial), "default"});
        }
    }

    Result<Config> load(const Sources& sources) {
        if (sources.file) read_file(*sources.file);
        read_environment(sources.environment);
        for (const auto& item : sources.overrides) read_override(item);
        if (problems_.empty()) return std::move(config_);
        Error error{ErrorCode::invalid_argument, problems_.front().rule, problems_, 0};
        return fail(std::move(error));
    }

  private:
    void problem(const std::string& setting, std::string sentence) {
        problems_.push_back({setting, std::move(sentence), ""});
    }

    Entry* find(const std::string& name) {
        const auto found = config_.by_name_.find(name);
        return found == config_.by_name_.end() ? nullptr : &config_.entries_[found->second];
    }

    void unknown(const std::string& name, const std::string& where) {
        std::vector<std::string> names;
        for (const auto& setting : settings_) names.push_back(setting.name());
        const auto hint = nearest(name, names);
        problem(name, hint.empty() ? fmt::format("{}: unknown setting {}", where, name)
                                   : fmt::format("{}: unknown setting {}; did you mean {}?", where,
                                                 name, hint));
    }

    void set(Entry& entry, Result<Value> value, const std::string& origin,
             const std::string& where) {
        auto ok = value ? check_value(*entry.setting, *value)
                        : Result<void>(tl::unexpected(value.error()));
        if (!ok) {
            problem(entry.setting->name(),
                    fmt::format("{}: {} {}", where, entry.setting->name(), ok.error().message));
            return;
        }
        entry.value = std::move(*value);
        entry.origin = origin;
    }

    void read_file(const std::filesystem::path& path) {
        toml::table root;
        try {
            root = toml::parse_file(path.string());
        } catch (const toml::parse_error& error) {
            const auto line = error.source().begin.line;
            problem(path.string(), line == 0
                                       ? fmt::format("{}: cannot be read", path.string())
                                       : fmt::format("{}:{}: not valid TOML: {}", path.string(),
                                                     line, std::string_view(error.description())));
            return;
        }
        for (const auto& [key, node] : root) {
            const std::string section(key.str());
            const auto where = place(path, node);
            const auto* table = node.as_table();
            if (!table) {
                unknown(section, where);
                continue;
            }
            for (const auto& [inner, value] : *table) {
                read_node(section + "." + std::string(inner.str()), value, place(path, value));
            }
        }
    }

    static std::string place(const std::filesystem::path& path, const toml::node& node) {
        return fmt::format("{}:{}", path.string(), node.source().begin.line);
    }

    void read_node(const std::string& name, const toml::node& node, const std::string& where) {
        Entry* entry = find(name);
        if (!entry) return unknown(name, where);
        auto value = value_of(*entry->setting, node);
        if (!value) {
            problem(name, fmt::format("{}: {} must be of type {}", where, name,
                                      describe_type(*entry->setting)));
            return;
        }
        set(*entry, std::move(*value), where, where);
    }

    void read_environment(const std::map<std::string, std::string>& environment) {
        std::map<std::string, Entry*> variables;
        std::vector<std::string> names;
        for (auto& entry : config_.entries_) {
            variables.emplace(entry.setting->variable(), &entry);
            names.push_back(entry.setting->variable());
            if (entry.setting->type == Type::secret) {
                variables.emplace(entry.setting->variable() + "_FILE", &entry);
            }
        }
        for (const auto& [name, text] : environment) {
            const auto found = variables.find(name);
            if (found == variables.end()) {
                if (!names_a_section(name) || is_service_link(name, text)) continue;
                const auto hint = nearest(name, names);
                problem(name, hint.empty() ? fmt::format("{}: unknown setting", name)
                                           : fmt::format("{}: unknown setting; did you mean {}?",
                                                         name, hint));
                continue;
            }
            Entry& entry = *found->second;
            if (name == entry.setting->variable()) {
                set(entry, parse_value(*entry.setting, text), name, name);
                continue;
            }
            if (environment.contains(entry.setting->variable())) {
                problem(entry.setting->name(),
                        fmt::format("{}: {} is set as well; give one of them", name,
                                    entry.setting->variable()));
                continue;
            }
            auto content = read_secret_file(text);
            set(entry,
                content ? Result<Value>(Value(std::move(*content)))
                        : Result<Value>(tl::unexpected(content.error())),
                name, name);
        }
    }

    /// Other HEADRACE_ names belong to the client commands (HEADRACE_URL, HEADRACE_KEY).
    bool names_a_section(std::string_view name) const {
        if (name == "HEADRACE_CONTROL_URL") return false;
        return std::any_of(settings_.begin(), settings_.end(), [&](const Setting& setting) {
            const auto variable = setting.variable();
            return name.starts_with(variable.substr(0, variable.size() - setting.key.size()));
        });
    }

    void read_override(const Override& item) {
        Entry* entry = find(item.name);
        if (!entry) return unknown(item.name, item.flag);
        auto value = item.items.empty() ? parse_value(*entry->setting, item.text)
                                        : Result<Value>(Value(item.items));
        set(*entry, std::move(value), item.flag, item.flag);
    }

    std::span<const Setting> settings_;
    Config config_;
    std::vector<Violation> problems_;
};

Result<Config> load(std::span<const Setting> settings, const Sources& sources) {
    return Loader(settings).load(sources);
}

}  // namespace headrace::config
