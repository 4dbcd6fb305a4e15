// headrace-host: runs one native engine behind the worker link. Started by the supervisor, which
// passes the link's socket as HEADRACE_LINK_FD and the engine in a start frame.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>

#include "engines/host/host.hpp"

int main() {
    const char* text = std::getenv("HEADRACE_LINK_FD");
    const std::string_view digits = text != nullptr ? text : "";
    int fd = -1;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
    if (digits.empty() || parsed.ec != std::errc() || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        std::fputs(
            "headrace-host is started by headrace itself: HEADRACE_LINK_FD names no descriptor\n",
            stderr);
        return 2;
    }
    ::unsetenv("HEADRACE_LINK_FD");
    ::signal(SIGINT, SIG_IGN);  // a terminal's Ctrl-C reaches the whole group; the parent decides
    sigset_t terminate;         // every thread inherits it, so that only the main one takes SIGTERM
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &terminate, nullptr);
    // Heap-allocated and never freed: threads of the engine may still use it when the process ends.
    return (new headrace::engines::host::Host(fd))->run();
}
