// headrace version
#include <fmt/format.h>

#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"
#include "main/version.hpp"

namespace headrace::main {

void add_version(Command& root) {
    root.command("version", "the version of this program").action([] {
        print(fmt::format("headrace {}\n", kVersion));
        return static_cast<int>(kOk);
    });
}

}  // namespace headrace::main
