// headrace keys create|list|show|set|rotate|revoke
#include <memory>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "main/commands/administration.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/limit_flags.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kHour = 3'600;

struct KeysOptions {
    Connection connection;
    std::string id;
    std::optional<std::string> name;
    std::string role = "caller";
    std::string tenant;
    std::optional<std::string> app;
    std::optional<std::string> user;
    std::vector<std::string> capabilities;
    std::vector<std::string> addresses;
    LimitFlags limits;
    std::optional<std::int64_t> days;
    std::optional<std::int64_t> overlap_h;
};

std::string path_of(const KeysOptions& options) {
    return "/keys/" + http::percent_encode(options.id);
}

/// The key alone on standard output, so that it can go straight into a file.
int print_key(const KeysOptions& options, const json::value& reply, const std::string& about) {
    if (options.connection.json()) {
        print(pretty_json(reply));
        return kOk;
    }
    print(show(reply, "key") + "\n");
    print_error(about);
    return kOk;
}

/// What create and set have in common. "any" takes a list away.
json::object fields_of(const KeysOptions& options) {
    json::object body;
    const auto list = [&body](const char* name, const std::vector<std::string>& texts) {
        if (texts.empty()) return;
        const bool any = texts.size() == 1 && texts.front() == "any";
        body[name] = any ? json::value(json::array{}) : json::value_from(texts);
    };
    if (options.name) body["name"] = *options.name;
    if (options.app) body["app"] = *options.app;
    if (options.user) body["user"] = *options.user;
    list("capabilities", options.capabilities);
    list("addresses", options.addresses);
    if (options.days) {
        body["expires_at"] = to_rfc3339(SystemClock().wall() + *options.days * kDayMs);
    }
    return body;
}

int create(const KeysOptions& options) {
    auto body = fields_of(options);
    body["role"] = options.role;
    if (!options.tenant.empty()) body["tenant"] = options.tenant;
    if (options.limits.given()) body["limits"] = options.limits.over(nullptr);
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->post("/keys", json::value(std::move(body)));
    if (!reply) return report(reply.error());
    return print_key(options, *reply,
                     fmt::format("key {} for {} as {}; it is shown this once", show(*reply, "id"),
                                 show(*reply, "name"), options.role));
}

/// The server replaces limits whole; those that are not named here stay.
int set(const KeysOptions& options) {
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    auto body = fields_of(options);
    if (options.limits.given()) {
        const auto before = api->get(path_of(options));
        if (!before) return report(before.error());
        body["limits"] = options.limits.over(member(*before, "limits"));
    }
    const auto reply = api->send("PATCH", path_of(options), json::value(std::move(body)));
    if (!reply) return report(reply.error());
    print(options.connection.json() ? pretty_json(reply->body) : "changed\n");
    return kOk;
}

int rotate(const KeysOptions& options) {
    json::object body;
    if (options.overlap_h) body["overlap_s"] = *options.overlap_h * kHour;
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->post(path_of(options) + "/rotate", json::value(std::move(body)));
    if (!reply) return report(reply.error());
    const auto until = show(*reply, "old_secret_until");
    return print_key(options, *reply,
                     until.empty() ? std::string("the old secret works no more")
                                   : "the old secret works until " + show_time(until));
}

int show_key(const KeysOptions& options) {
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->get(path_of(options));
    if (!reply) return report(reply.error());
    if (options.connection.json()) {
        print(pretty_json(*reply));
        return kOk;
    }
    const auto time = [&](const char* name) { return show_time(show(*reply, name)); };
    print(pairs_text({{"id", show(*reply, "id")},
                      {"name", show(*reply, "name")},
                      {"role", show(*reply, "role")},
                      {"tenant", show(*reply, "tenant")},
                      {"app", show(*reply, "app")},
                      {"user", show(*reply, "user")},
                      {"capabilities", texts_at("capabilities")(*reply)},
                      {"addresses", texts_at("addresses")(*reply)},
                      {"limits", show_limits(member(*reply, "limits"))},
                      {"created", time("created_at")},
                      {"last used", time("last_used_at")},
                      {"rotated", time("rotated_at")},
                      {"old secret until", time("old_secret_until")},
                      {"expires", time("expires_at")},
                      {"revoked", time("revoked_at")}}));
    return kOk;
}

void add_key_fields(Command& command, KeysOptions& options) {
    command.option("--app", options.app, "the app it belongs to; empty: none").value_name("NAME");
    command.option("--user", options.user, "the user it belongs to; empty: none")
        .value_name("NAME");
    command
        .option("--capability", options.capabilities,
                "only this capability or model; repeat for more, `any` for all")
        .value_name("NAME");
    command
        .option("--address", options.addresses,
                "only from this block, such as 10.0.0.0/8; repeat for more, `any` for all")
        .value_name("CIDR");
    add_limit_flags(command, options.limits);
}

}  // namespace

void add_keys(Command& root) {
    auto group = root.command("keys", "who may call, and what");
    group.needs_command();
    const auto options = std::make_shared<KeysOptions>();
    const auto with_id = [&](const char* name, const char* doc) {
        auto command = group.command(name, doc);
        add_connection(command, options->connection, true);
        command.option("id", options->id, "id of the key").required().value_name("ID");
        return command;
    };

    auto make = group.command("create", "make a key; it is shown once");
    add_connection(make, options->connection, true);
    make.option("--name", options->name, "what people call it").required().value_name("NAME");
    make.option("--role", options->role, "what it may do")
        .choices({"admin", "operator", "developer", "viewer", "caller", "worker"});
    make.option("--tenant", options->tenant, "the tenant it belongs to; yours when absent")
        .value_name("NAME");
    add_key_fields(make, *options);
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
                           {"app", "app"},
                           {"capabilities", "", texts_at("capabilities")},
                           {"created", "", time_at("created_at")},
                           {"last used", "", time_at("last_used_at")},
                           {"expires", "", time_at("expires_at")},
                           {"revoked", "", time_at("revoked_at")}},
                          "no keys");
    });

    with_id("show", "one key, and what it may do").action([options] { return show_key(*options); });

    auto change = with_id("set", "change what is named, leave the rest; the secret stays");
    change.option("--name", options->name, "what people call it").value_name("NAME");
    add_key_fields(change, *options);
    change.option("--days", options->days, "it works so much longer, from now").value_name("N");
    change.action([options] { return set(*options); });

    auto turn = with_id("rotate", "a new secret, shown once; the old one works a while longer");
    turn.option("--overlap", options->overlap_h, "hours that the old one works on; 24 when absent")
        .value_name("HOURS");
    turn.action([options] { return rotate(*options); });

    auto revoke = with_id("revoke", "make a key useless, at once");
    revoke.action(
        [options] { return act_on(options->connection, "DELETE", path_of(*options), "revoked"); });
}

}  // namespace headrace::main
