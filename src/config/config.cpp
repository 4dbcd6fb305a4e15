#include "config/config.hpp"

#include <stdexcept>

#include <unistd.h>

namespace headrace::config {
namespace {

template <class T>
const T& get(const Entry& entry) {
    const auto* value = std::get_if<T>(&entry.value);
    if (!value) throw std::logic_error("setting " + entry.setting->name() + " has another type");
    return *value;
}

}  // namespace

Result<Override> parse_override(std::string_view text) {
    const auto equals = text.find('=');
    const auto dot = text.find('.');
    if (equals == std::string_view::npos || dot == std::string_view::npos || dot > equals) {
        return fail(ErrorCode::invalid_argument, "--set takes section.key=value");
    }
    return Override{
        std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)), "--set", {}};
}

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> out;
    for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
        const std::string_view line(*at);
        const auto equals = line.find('=');
        if (!line.starts_with("HEADRACE_") || equals == std::string_view::npos) continue;
        out.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return out;
}

const Entry& Config::entry(std::string_view name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) throw std::logic_error("undeclared setting " + std::string(name));
    return entries_[found->second];
}

bool Config::boolean(std::string_view name) const {
    return get<bool>(entry(name));
}
std::int64_t Config::integer(std::string_view name) const {
    return get<std::int64_t>(entry(name));
}
double Config::seconds(std::string_view name) const {
    return get<double>(entry(name));
}
const std::string& Config::text(std::string_view name) const {
    return get<std::string>(entry(name));
}
const std::vector<std::string>& Config::list(std::string_view name) const {
    return get<std::vector<std::string>>(entry(name));
}
Secret Config::secret(std::string_view name) const {
    return Secret(text(name));
}

std::vector<Change> changes(const Config& before, const Config& after) {
    std::vector<Change> out;
    for (std::size_t i = 0; i < after.entries().size(); ++i) {
        const auto& was = before.entries()[i];
        const auto& is = after.entries()[i];
        if (was.value == is.value) continue;
        out.push_back(
            {is.setting, show_value(*was.setting, was.value), show_value(*is.setting, is.value)});
    }
    return out;
}

}  // namespace headrace::config
