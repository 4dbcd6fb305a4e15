#pragma once

#include <functional>
#include <string>
#include <vector>

#include "catalog/interface.hpp"
#include "main/cli.hpp"
#include "main/commands/api.hpp"
#include "main/commands/call_flags.hpp"

namespace headrace::main {

/// A command on one capability, such as `headrace call NAME …`: its flags are those of the
/// capability's interface, which is fetched from the server before they can be parsed.
struct CapabilityCommand {
    std::string verb;  // "call"
    /// The command's own options, the connection's among them.
    std::function<void(Command&)> add_options;
    std::function<int(Api&, const std::string& name, const catalog::Interface&, const CallFlags&)>
        run;
};

/// `arguments`: the name and all flags, unparsed. `connection` must be the one that add_options()
/// adds. Gives the exit code.
int run_on_capability(const CapabilityCommand& command, Connection& connection,
                      const std::vector<std::string>& arguments);

/// Reports what CallFlags::input() found: a flag's own fault, or what the server said to an upload.
int report_input(const Error& error);

}  // namespace headrace::main
