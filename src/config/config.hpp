#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/setting.hpp"

namespace headrace::config {

/// A value and where it came from: "default", "headrace.toml:12", "HEADRACE_LOG_LEVEL", "--set".
struct Entry {
    const Setting* setting = nullptr;
    Value value;
    std::string origin;
};

/// A value given on the command line: `flag` is what the user typed, for the origin.
struct Override {
    std::string name;  // "section.key"
    std::string text;
    std::string flag;
    std::vector<std::string> items{};  // a list whose items may hold commas; in place of `text`
};

/// "section.key=value" of --set.
Result<Override> parse_override(std::string_view text);

struct Sources {
    std::optional<std::filesystem::path> file{};
    std::map<std::string, std::string> environment{};  // names that start with HEADRACE_
    std::vector<Override> overrides{};                 // in the order given; the last one wins
};

/// The HEADRACE_* variables of this process.
std::map<std::string, std::string> process_environment();

/// The values of all declared settings. Immutable once loaded.
class Config {
  public:
    /// Asking for a name that is not declared, or with the wrong type, is a bug and throws.
    [[nodiscard]] bool boolean(std::string_view name) const;
    [[nodiscard]] std::int64_t integer(std::string_view name) const;  // also bytes
    [[nodiscard]] double seconds(std::string_view name) const;
    [[nodiscard]] const std::string& text(std::string_view name) const;  // also word and path
    [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const;
    [[nodiscard]] Secret secret(std::string_view name) const;

    [[nodiscard]] const Entry& entry(std::string_view name) const;
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  private:
    friend class Loader;
    std::vector<Entry> entries_;  // in the order of the declaration
    std::map<std::string, std::size_t, std::less<>> by_name_;
};

/// Default < file < environment < command line. Every problem is found before it answers: the
/// message is the first of them and names setting and place, `violations` holds them all (path =
/// the setting, rule = the sentence).
Result<Config> load(std::span<const Setting> settings, const Sources& sources);

struct Change {
    const Setting* setting = nullptr;
    std::string before;  // as show_value
    std::string after;
};
std::vector<Change> changes(const Config& before, const Config& after);

}  // namespace headrace::config
