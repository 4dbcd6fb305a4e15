#include "main/service_notify.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.hpp"
#include "base/unique_fd.hpp"

namespace headrace::main {
namespace {

constexpr std::string_view kWatchdog = "WATCHDOG=1";
constexpr time_t kPatience = 2;  // seconds

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

void notify_service(std::string_view state) {
    const auto path = environment("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (path.size() < 2 || path.size() >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path.front() == '@') address.sun_path[0] = '\0';  // an abstract name
    const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    // A manager that does not read must not hold up a loop; but the next word of the watchdog comes
    // soon, while of the others there is one.
    const timeval patience{kPatience, 0};
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int flags = MSG_NOSIGNAL | (state == kWatchdog ? MSG_DONTWAIT : 0);
    if (!fd || ::sendto(fd.get(), state.data(), state.size(), flags, to, size) < 0) {
        log::warn("service manager was not told state={} error={}", state, std::strerror(errno));
    }
}

std::string reloading_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t micros = now.tv_sec * std::int64_t{1'000'000} + now.tv_nsec / 1000;
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(micros);
}

std::optional<std::chrono::milliseconds> watchdog_period() {
    const auto pid = environment("WATCHDOG_PID");
    const auto micros = number(environment("WATCHDOG_USEC"));
    if (micros <= 0 || (!pid.empty() && number(pid) != ::getpid())) return std::nullopt;
    return std::chrono::milliseconds(std::max<std::int64_t>(micros / 1000, 1));
}

}  // namespace headrace::main
