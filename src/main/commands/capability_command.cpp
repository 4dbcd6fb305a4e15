#include "main/commands/capability_command.hpp"

#include <fmt/format.h>

#include "http/message.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

Result<catalog::Interface> fetch_interface(Api& api, const std::string& name, std::string& doc) {
    const auto capability = api.get("/capabilities/" + http::percent_encode(name));
    if (!capability) {
        auto error = capability.error();
        if (error.code == ErrorCode::not_found) error.message = name + ": " + error.message;
        return fail(std::move(error));
    }
    doc = show(*capability, "title");
    if (const auto more = show(*capability, "description"); !more.empty()) {
        doc += (doc.empty() ? "" : ": ") + more;
    }
    const auto* interface = member(*capability, "interface");
    if (!interface || !interface->is_object()) {
        return fail(ErrorCode::internal, "the server's answer has no interface");
    }
    return catalog::interface_from_json(interface->get_object());
}

}  // namespace

int run_on_capability(const CapabilityCommand& command, Connection& connection,
                      const std::vector<std::string>& arguments) {
    const std::string program = "headrace " + command.verb;
    if (arguments.empty() || arguments.front().starts_with("-")) {
        print_error(fmt::format(
            "headrace: name a capability: {} NAME; headrace capabilities lists them", program));
        return kUsage;
    }
    const std::string& name = arguments.front();
    const std::vector<std::string> flags(arguments.begin() + 1, arguments.end());
    {
        // Where the server is must be known before the interface can tell the other flags.
        CommandLine known(program, "");
        auto root = known.root();
        add_connection(root, connection);
        known.parse_known(flags);
    }
    auto api = Api::open(connection);
    if (!api) return report_misuse(api.error());
    std::string doc;
    const auto interface = fetch_interface(*api, name, doc);
    if (!interface) return report(interface.error());

    CommandLine line(program + " " + name, doc);
    auto root = line.root();
    command.add_options(root);
    const CallFlags call_flags(*interface, root);
    if (const auto code = line.parse(flags)) return *code;
    return command.run(*api, name, *interface, call_flags);
}

int report_input(const Error& error) {
    const bool ours = error.code == ErrorCode::invalid_argument && error.violations.empty();
    return ours ? report_misuse(error) : report(error);
}

}  // namespace headrace::main
