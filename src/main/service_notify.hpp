#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::main {

/// Tells the service manager (systemd, Type=notify) how things stand: "READY=1", "STOPPING=1",
/// "WATCHDOG=1", "STATUS=…", several separated by line ends. Does nothing where NOTIFY_SOCKET is
/// not set. Waits two seconds at most, for "WATCHDOG=1" alone not at all. The protocol:
/// sd_notify(3).
void notify_service(std::string_view state);

/// What Type=notify-reload wants to hear when the settings are being read again; READY=1 follows.
std::string reloading_now();

/// How often the service manager wants to hear "WATCHDOG=1" at least; nothing if it does not.
std::optional<std::chrono::milliseconds> watchdog_period();

}  // namespace headrace::main
