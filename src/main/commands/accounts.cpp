// headrace tenants|apps|users list|create|set|remove
#include <memory>

#include <fmt/format.h>

#include "http/message.hpp"
#include "main/commands/administration.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/limit_flags.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct Kind {
    const char* command;
    const char* doc;
    const char* path;
    bool has_limits;
    bool has_tenant;
};

constexpr Kind kTenants{"tenants", "who pays: limits of a tenant, and switching it off", "/tenants",
                        true, false};
constexpr Kind kApps{"apps", "what calls: keys belong to an app, and share its limits", "/apps",
                     true, true};
constexpr Kind kUsers{"users", "people that keys belong to", "/users", false, true};

struct AccountOptions {
    Connection connection;
    std::string name;
    std::string tenant;
    std::optional<std::string> title;
    std::optional<std::string> email;
    std::optional<std::string> role;
    std::optional<std::string> model;
    std::optional<bool> enabled;
    LimitFlags limits;
};

std::string path_of(const Kind& kind, const AccountOptions& options) {
    std::string path = kind.path;
    path += '/' + http::percent_encode(options.name);
    if (!options.tenant.empty()) path += "?tenant=" + http::percent_encode(options.tenant);
    return path;
}

/// What was given of the fields that both create and set take.
json::object fields_of(const AccountOptions& options) {
    json::object body;
    if (options.title) body["title"] = *options.title;
    if (options.email) body["email"] = *options.email;
    if (options.role) body["role"] = *options.role;
    if (options.enabled) body["enabled"] = *options.enabled;
    return body;
}

int create(const Kind& kind, const AccountOptions& options) {
    auto body = fields_of(options);
    body["name"] = options.name;
    if (!options.tenant.empty()) body["tenant"] = options.tenant;
    if (options.limits.given()) body["limits"] = options.limits.over(nullptr);
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->post(kind.path, json::value(std::move(body)));
    if (!reply) return report(reply.error());
    print(options.connection.json() ? pretty_json(*reply) : "created\n");
    return kOk;
}

/// The server replaces limits whole; what is not named here stays as it was.
int set(const Kind& kind, const AccountOptions& options) {
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto path = path_of(kind, options);
    auto body = fields_of(options);
    if (options.limits.given()) {
        const auto before = api->get(path);
        if (!before) return report(before.error());
        if (options.model) {
            json::object models;
            if (const auto* old = member(*before, "models"); old && old->is_object()) {
                models = old->get_object();
            }
            models[*options.model] = options.limits.over(models.if_contains(*options.model));
            body["models"] = std::move(models);
        } else {
            body["limits"] = options.limits.over(member(*before, "limits"));
        }
    }
    const auto reply = api->send("PATCH", path, json::value(std::move(body)));
    if (!reply) return report(reply.error());
    print(options.connection.json() ? pretty_json(reply->body) : "changed\n");
    return kOk;
}

std::string show_models(const json::value& item) {
    const auto* models = member(item, "models");
    std::string out;
    if (models == nullptr || !models->is_object()) return out;
    for (const auto& model : models->get_object()) {
        if (!out.empty()) out += "; ";
        out += std::string(model.key()) + ": " + show_limits(&model.value());
    }
    return out;
}

std::vector<Column> columns_of(const Kind& kind) {
    std::vector<Column> columns{{"name", "name"}};
    if (kind.has_tenant) columns.push_back({"tenant", "tenant"});
    columns.push_back({"title", "title"});
    columns.push_back({"state", "", [](const json::value& item) {
                           return show(item, "enabled") == "false" ? std::string("off")
                                                                   : std::string("on");
                       }});
    if (kind.has_limits) {
        columns.push_back({"limits", "", [](const json::value& item) {
                               return show_limits(member(item, "limits"));
                           }});
    } else {
        columns.push_back({"e-mail", "email"});
        columns.push_back({"role", "role"});
    }
    if (!kind.has_tenant) columns.push_back({"models", "", show_models});
    columns.push_back({"created", "", time_at("created_at")});
    return columns;
}

void add_fields(Command& command, const Kind& kind, AccountOptions& options, bool change) {
    command.option("--title", options.title, "what people call it").value_name("TEXT");
    command.flag("--on,!--off", options.enabled, "whether its keys work");
    if (kind.has_limits) {
        add_limit_flags(command, options.limits);
    } else {
        command.option("--email", options.email, "address").value_name("ADDRESS");
        command.option("--role", options.role, "what it is meant to do")
            .choices({"admin", "operator", "developer", "viewer", "caller", "worker"});
    }
    if (change && !kind.has_tenant) {
        command
            .option("--model", options.model, "the limits are those of this model, for the tenant")
            .value_name("MODEL");
    }
}

void add_kind(Command& root, const Kind& kind) {
    auto group = root.command(kind.command, kind.doc);
    group.needs_command();
    const auto options = std::make_shared<AccountOptions>();
    const auto with_name = [&](const char* name, const char* doc) {
        auto command = group.command(name, doc);
        add_connection(command, options->connection, true);
        command.option("name", options->name, "its name").required().value_name("NAME");
        if (kind.has_tenant) {
            command
                .option("--tenant", options->tenant, "the tenant it belongs to; yours when absent")
                .value_name("NAME");
        }
        return command;
    };
    auto list = group.command("list", "all of them, with their limits");
    add_connection(list, options->connection, true);
    list.action([options, &kind] {
        return print_list(options->connection, kind.path, kind.command, columns_of(kind), "none");
    });
    auto make = with_name("create", "make one");
    add_fields(make, kind, *options, false);
    make.action([options, &kind] { return create(kind, *options); });
    auto change = with_name("set", "change what is named, leave the rest");
    add_fields(change, kind, *options, true);
    change.action([options, &kind] { return set(kind, *options); });
    auto remove = with_name("remove", "remove it; not while working keys belong to it");
    remove.action([options, &kind] {
        return act_on(options->connection, "DELETE", path_of(kind, *options), "removed");
    });
}

}  // namespace

void add_accounts(Command& root) {
    add_kind(root, kTenants);
    add_kind(root, kApps);
    add_kind(root, kUsers);
}

}  // namespace headrace::main
