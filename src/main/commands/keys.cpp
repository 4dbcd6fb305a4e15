// headrace keys create|list|revoke
#include <memory>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "main/commands/administration.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct KeysOptions {
    Connection connection;
    std::string id;
    std::string name;
    std::string role = "caller";
    std::string tenant;
    std::vector<std::string> capabilities;
    std::optional<std::int64_t> days;
};

int create(const KeysOptions& options) {
    json::object body;
    body["name"] = options.name;
    body["role"] = options.role;
    if (!options.tenant.empty()) body["tenant"] = options.tenant;
    if (!options.capabilities.empty())
        body["capabilities"] = json::value_from(options.capabilities);
    if (options.days) {
        body["expires_at"] = to_rfc3339(SystemClock().wall() + *options.days * 86'400'000);
    }
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->post("/keys", json::value(std::move(body)));
    if (!reply) return report(reply.error());
    if (options.connection.json()) {
        print(pretty_json(*reply));
        return kOk;
    }
    // The key alone on standard output, so that it can go straight into a file.
    print(show(*reply, "key") + "\n");
    print_error(fmt::format("key {} for {} as {}; it is shown this once", show(*reply, "id"),
                            options.name, options.role));
    return kOk;
}

}  // namespace

void add_keys(Command& root) {
    auto group = root.command("keys", "who may call, and what");
    group.needs_command();
    const auto options = std::make_shared<KeysOptions>();

    auto make = group.command("create", "make a key; it is shown once");
    add_connection(make, options->connection, true);
    make.option("--name", options->name, "what people call it").required().value_name("NAME");
    make.option("--role", options->role, "what it may do")
        .choices({"admin", "operator", "developer", "viewer", "caller", "worker"});
    make.option("--tenant", options->tenant, "the tenant it belongs to; yours when absent")
        .value_name("NAME");
    make.option("--capability", options->capabilities, "only this capability; repeat for more")
        .value_name("NAME");
    make.option("--days", options->days, "how long it works; for ever when absent").value_name("N");
    make.action([options] { return create(*options); });

    auto list = group.command("list", "keys, newest first; never the keys themselves");
    add_connection(list, options->connection, true);
    list.action([options] {
        return print_list(options->connection, "/keys", "keys",
                          {{"id", "id"},
                           {"name", "name"},
                           {"role", "role"},
                           {"tenant", "tenant"},
                           {"capabilities", "", texts_at("capabilities")},
                           {"created", "", time_at("created_at")},
                           {"expires", "", time_at("expires_at")},
                           {"revoked", "", time_at("revoked_at")}},
                          "no keys");
    });

    auto revoke = group.command("revoke", "make a key useless, at once");
    add_connection(revoke, options->connection, true);
    revoke.option("id", options->id, "id of the key").required().value_name("ID");
    revoke.action([options] {
        return act_on(options->connection, "DELETE", "/keys/" + http::percent_encode(options->id),
                      "revoked");
    });
}

}  // namespace headrace::main
