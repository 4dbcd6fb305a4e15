#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/result.hpp"

/// One line per event: lowercase message, then key=value fields, always job=, tenant=, worker=
/// where known. Levels: error = someone must act; warn = it healed itself; info = life cycle; debug
/// = per request. No payloads, keys or tokens.
namespace headrace::log {

enum class Level { debug, info, warn, error, off };
enum class Format { text, json };

/// Sets up the process's logger on standard error. Call once, before threads start. From then on
/// lines below warn may wait up to 100 ms to be written together; an exit or a crash writes them.
void start(Level level, Format format);
/// Writes what waits. Before std::_Exit, which runs no hook.
void flush();
/// Thread-safe; used by a reload.
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);
Result<Level> parse_level(std::string_view word);

void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::warn)) write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::error))
        write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace headrace::log
