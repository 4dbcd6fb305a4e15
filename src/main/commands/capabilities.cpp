// headrace capabilities [NAME]
#include <memory>

#include <fmt/format.h>

#include "http/message.hpp"
#include "main/commands/api.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct CapabilitiesOptions {
    Connection connection;
    std::string name;
};

std::string fields_text(const json::value& interface, std::string_view list) {
    const auto* fields = member(interface, list);
    if (!fields) return "";
    std::string out;
    const auto add = [&out](const std::string& name, const json::value& field) {
        if (!out.empty()) out += ", ";
        out += fmt::format("{} ({})", name, show(field, "kind"));
    };
    if (const auto* object = fields->if_object()) {
        for (const auto& item : *object) add(std::string(item.key()), item.value());
    } else if (const auto* array = fields->if_array()) {
        for (const auto& item : *array) add(show(item, "name"), item);
    }
    return out;
}

std::string versions_text(const json::value& capability) {
    const auto* versions = member(capability, "versions");
    if (!versions || !versions->is_array()) return show(capability, "version");
    std::string out;
    for (const auto& version : versions->get_array()) {
        if (!out.empty()) out += ", ";
        out += version.is_object() ? show(version, "version") : show(&version);
    }
    return out;
}

int list(Api& api, bool as_json) {
    const auto reply = api.get("/capabilities");
    if (!reply) return report(reply.error());
    if (as_json) {
        print(pretty_json(*reply));
        return kOk;
    }
    Table table({"name", "versions", "mode", "title"});
    if (const auto* items = member(*reply, "capabilities"); items && items->is_array()) {
        for (const auto& item : items->get_array()) {
            table.add(
                {show(item, "name"), versions_text(item), show(item, "mode"), show(item, "title")});
        }
    }
    print(table.text("no capabilities; start the server with --engine DIR"));
    return kOk;
}

int show_one(Api& api, const std::string& name, bool as_json) {
    const auto reply = api.get("/capabilities/" + http::percent_encode(name));
    if (!reply) return report(reply.error());
    if (as_json) {
        print(pretty_json(*reply));
        return kOk;
    }
    const auto* interface = member(*reply, "interface");
    const json::value none = json::object{};
    const auto& shown = interface ? *interface : none;
    print(pairs_text({{"name", show(*reply, "name")},
                      {"title", show(*reply, "title")},
                      {"description", show(*reply, "description")},
                      {"versions", versions_text(*reply)},
                      {"mode", show(shown, "mode")},
                      {"profile", show(shown, "profile")},
                      {"inputs", fields_text(shown, "inputs")},
                      {"parameters", fields_text(shown, "parameters")},
                      {"outputs", fields_text(shown, "outputs")}}));
    print(fmt::format("\nflags: headrace call {} --help\n", name));
    return kOk;
}

int run(const CapabilitiesOptions& options) {
    auto api = Api::open(options.connection);
    if (!api) return report_misuse(api.error());
    return options.name.empty() ? list(*api, options.connection.json())
                                : show_one(*api, options.name, options.connection.json());
}

}  // namespace

void add_capabilities(Command& root) {
    const auto options = std::make_shared<CapabilitiesOptions>();
    auto command = root.command("capabilities", "what can be called, or one of them in full");
    add_connection(command, options->connection);
    command.option("name", options->name, "name or name@version").value_name("NAME");
    command.action([options] { return run(*options); });
}

}  // namespace headrace::main
