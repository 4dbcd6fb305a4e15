#pragma once

#include <unistd.h>

#include <cstdlib>
#include <new>
#include <string_view>

namespace headrace {

/// What a process that ran out of memory ends with.
inline constexpr int kOutOfMemoryExit = 71;

/// From now on an allocation that fails ends the process at once, with one line, instead of an
/// exception somewhere: a task that died half way would leave a server that is up and serves
/// nobody. What was acknowledged is on disk, and whoever supervises the process starts it again.
/// Libraries in C that take memory past operator new report their own failures.
inline void end_when_out_of_memory() {
    std::set_new_handler([] {
        constexpr std::string_view kLine = "headrace: out of memory\n";
        (void)!::write(STDERR_FILENO, kLine.data(), kLine.size());
        std::_Exit(kOutOfMemoryExit);
    });
}

}  // namespace headrace
