#include "protocols/native/account_routes.hpp"

#include <utility>

#include "base/await.hpp"
#include "base/json.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/limits_json.hpp"

namespace headrace::protocols::native {
namespace {

using access::Account;
using access::AccountChange;
using access::AccountKind;

constexpr std::size_t kMaxBody = 256 * 1024;
constexpr std::size_t kMaxText = 200;
constexpr std::string_view kRoleWords = "admin operator developer viewer caller worker";

struct KindWords {
    std::string_view collection;
    std::string_view item;
    access::Right right;
    std::string_view tag;
    std::string_view schema;
    std::string_view list_schema;
    std::string_view request;
    std::string_view change;
    std::string_view summaries[5];  // create, list, get, update, remove
    std::string_view query;         // of every route but create
};

const KindWords& words_of(AccountKind kind) {
    static constexpr KindWords kWords[] = {
        {"/tenants",
         "/tenants/{name}",
         access::Right::manage_tenants,
         "tenants",
         "Tenant",
         "TenantList",
         "TenantRequest",
         "TenantChange",
         {"Give a tenant a record", "Tenants with a record", "One tenant's record",
          "Change a tenant: limits, models, switched on or off", "Remove a tenant's record"},
         ""},
        {"/apps",
         "/apps/{name}",
         access::Right::manage_apps,
         "apps",
         "App",
         "AppList",
         "AppRequest",
         "AppChange",
         {"Make an app, which keys then belong to", "Apps", "One app",
          "Change an app: limits, switched on or off", "Remove an app without working keys"},
         "tenant"},
        {"/users",
         "/users/{name}",
         access::Right::manage_users,
         "users",
         "User",
         "UserList",
         "UserRequest",
         "UserChange",
         {"Make a user, whom keys then belong to", "Users", "One user",
          "Change a user, or switch it on or off", "Remove a user without working keys"},
         "tenant"},
    };
    return kWords[static_cast<std::size_t>(kind)];
}

void append_models(std::string& out, const std::vector<access::ModelLimits>& models) {
    out += ",\"models\":{";
    for (const auto& model : models) {
        if (out.back() != '{') out += ',';
        append_json_string(out, model.model);
        out += ':';
        append_limits(out, model.limits);
    }
    out += '}';
}

void append_account(std::string& out, const Account& account) {
    out += "{\"name\":";
    append_json_string(out, account.name);
    if (account.kind != AccountKind::tenant) {
        out += ",\"tenant\":";
        append_json_string(out, account.tenant.name);
    }
    append_text_member(out, "title", account.title);
    out += account.enabled ? ",\"enabled\":true" : ",\"enabled\":false";
    if (account.kind == AccountKind::user) {
        append_text_member(out, "email", account.email);
        out += ",\"role\":\"";
        out += access::to_string(account.role);
        out += '"';
    } else {
        out += ",\"limits\":";
        append_limits(out, account.limits);
    }
    if (account.kind == AccountKind::tenant) append_models(out, account.models);
    append_time_member(out, "created_at", account.created_at);
    out += '}';
}

Reply account_reply(const Account& account, int status = 200) {
    std::string text;
    append_account(text, account);
    return json_response(std::move(text), status);
}

AccountChange read_change(FieldReader& fields, AccountKind kind) {
    AccountChange change;
    if (const auto title = fields.text("title", kMaxText)) change.title = *title;
    change.enabled = fields.boolean("enabled");
    if (kind == AccountKind::user) {
        if (const auto email = fields.text("email", kMaxText)) change.email = *email;
        const auto word = fields.text("role", kMaxText);
        if (word) change.role = access::role_from(*word);
        if (word && !change.role) fields.add("role", "enum", std::string(kRoleWords));
    } else {
        change.limits = limits_field(fields, "limits");
    }
    if (kind == AccountKind::tenant) change.models = model_limits_field(fields, "models");
    return change;
}

}  // namespace

Result<AccountRoutes::Place> AccountRoutes::place_of(const http::Exchange& exchange,
                                                     Kind kind) const {
    if (auto known = check_query(exchange, words_of(kind).query); !known) {
        return fail(known.error());
    }
    std::string name(exchange.param("name"));
    if (kind == Kind::tenant) {
        TenantId tenant(name);
        return Place{std::move(tenant), std::move(name)};
    }
    const auto named = exchange.query("tenant");
    auto tenant = access::acting_tenant(
        caller_of(exchange), named ? std::optional<std::string_view>(*named) : std::nullopt);
    if (!tenant) return fail(std::move(tenant).error());
    return Place{std::move(*tenant), std::move(name)};
}

asio::awaitable<Reply> AccountRoutes::create(http::Exchange& exchange, Kind kind) {
    const auto body = co_await read_object(exchange, kMaxBody);
    if (!body) co_return fail(body.error());
    const auto& who = caller_of(exchange);
    FieldReader fields(*body);
    fields.require("name");
    const auto name = fields.text("name", kMaxText);
    const auto named = kind == Kind::tenant ? std::nullopt : fields.text("tenant", kMaxText);
    auto change = read_change(fields, kind);
    if (auto sound = fields.finish("the record is not valid"); !sound)
        co_return fail(sound.error());
    Account account;
    account.kind = kind;
    account.name = *name;
    account.tenant = TenantId(std::string(*name));
    if (kind != Kind::tenant) {
        auto tenant = access::acting_tenant(who, named);
        if (!tenant) co_return fail(std::move(tenant).error());
        account.tenant = std::move(*tenant);
    }
    account.title = std::move(change.title).value_or("");
    account.enabled = change.enabled.value_or(true);
    account.limits = change.limits.value_or(access::Limits{});
    if (change.models) account.models = std::move(*change.models);
    account.email = std::move(change.email).value_or("");
    account.role = change.role.value_or(access::Role::caller);
    const auto tenant = account.tenant;
    const std::string act = std::string(to_string(kind)) + ".create";
    const std::string object = account.name;
    auto start = [&](access::Done<Account> done) {
        site_.parts.directory.create(std::move(account), std::move(done));
    };
    auto made = co_await await_result<Account>(start);
    audit(site_, who, tenant, act, object, made);
    if (!made) co_return fail(std::move(made).error());
    auto reply = account_reply(*made, 201);
    reply->headers.add("Location", std::string(kPrefix) + std::string(words_of(kind).collection) +
                                       '/' + made->name);
    co_return reply;
}

asio::awaitable<Reply> AccountRoutes::list(http::Exchange& exchange, Kind kind) {
    if (auto known = check_query(exchange, words_of(kind).query); !known) {
        co_return fail(known.error());
    }
    const auto& who = caller_of(exchange);
    std::optional<TenantId> of;
    const auto named = kind == Kind::tenant ? std::nullopt : exchange.query("tenant");
    if (kind != Kind::tenant && (!who.system || named)) {
        auto tenant = access::acting_tenant(
            who, named ? std::optional<std::string_view>(*named) : std::nullopt);
        if (!tenant) co_return fail(std::move(tenant).error());
        of = std::move(*tenant);
    }
    std::string text = "{\"";
    text += words_of(kind).collection.substr(1);
    text += "\":[";
    for (const auto& account : site_.parts.directory.list(kind, of)) {
        if (text.back() != '[') text += ',';
        append_account(text, account);
    }
    text += "],\"next_cursor\":null}";
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> AccountRoutes::get(http::Exchange& exchange, Kind kind) {
    const auto place = place_of(exchange, kind);
    if (!place) co_return fail(place.error());
    const auto account = site_.parts.directory.get(kind, place->tenant, place->name);
    if (!account) {
        co_return fail(ErrorCode::not_found, "there is no such " + std::string(to_string(kind)));
    }
    co_return account_reply(*account);
}

asio::awaitable<Reply> AccountRoutes::update(http::Exchange& exchange, Kind kind) {
    const auto place = place_of(exchange, kind);
    if (!place) co_return fail(place.error());
    const auto body = co_await read_object(exchange, kMaxBody);
    if (!body) co_return fail(body.error());
    FieldReader fields(*body);
    auto change = read_change(fields, kind);
    if (auto sound = fields.finish("the change is not valid"); !sound)
        co_return fail(sound.error());
    const std::string act = std::string(to_string(kind)) + ".change";
    auto start = [&](access::Done<Account> done) {
        site_.parts.directory.update(kind, place->tenant, place->name, std::move(change),
                                     std::move(done));
    };
    auto changed = co_await await_result<Account>(start);
    audit(site_, caller_of(exchange), place->tenant, act, place->name, changed);
    if (!changed) co_return fail(std::move(changed).error());
    co_return account_reply(*changed);
}

asio::awaitable<Reply> AccountRoutes::remove(http::Exchange& exchange, Kind kind) {
    const auto place = place_of(exchange, kind);
    if (!place) co_return fail(place.error());
    const std::string act = std::string(to_string(kind)) + ".remove";
    auto start = [&](access::Done<void> done) {
        site_.parts.directory.remove(kind, place->tenant, place->name, std::move(done));
    };
    auto removed = co_await await_result<void>(start);
    audit(site_, caller_of(exchange), place->tenant, act, place->name, removed);
    if (!removed) co_return fail(std::move(removed).error());
    co_return no_content();
}

void AccountRoutes::add_kind(RouteList& routes, Kind kind) {
    const auto& words = words_of(kind);
    using Handler = asio::awaitable<Reply> (AccountRoutes::*)(http::Exchange&, Kind);
    const auto reply = [&](RouteSpec spec, Handler handler) {
        spec.route_class = http::RouteClass::admin;
        spec.right = words.right;
        spec.tag = words.tag;
        routes.add_reply(spec, [this, handler, kind](http::Exchange& exchange) {
            return (this->*handler)(exchange, kind);
        });
    };
    reply({.method = http::Method::post,
           .pattern = words.collection,
           .summary = words.summaries[0],
           .request = words.request,
           .status = 201,
           .answer = words.schema,
           .errors = "400 409 413 415"},
          &AccountRoutes::create);
    reply({.pattern = words.collection,
           .summary = words.summaries[1],
           .query = words.query,
           .answer = words.list_schema,
           .errors = "400"},
          &AccountRoutes::list);
    reply({.pattern = words.item,
           .summary = words.summaries[2],
           .query = words.query,
           .answer = words.schema,
           .errors = "400 404"},
          &AccountRoutes::get);
    reply({.method = http::Method::patch,
           .pattern = words.item,
           .summary = words.summaries[3],
           .query = words.query,
           .request = words.change,
           .answer = words.schema,
           .errors = "400 404 413 415"},
          &AccountRoutes::update);
    reply({.method = http::Method::del,
           .pattern = words.item,
           .summary = words.summaries[4],
           .query = words.query,
           .status = 204,
           .errors = "400 404 409"},
          &AccountRoutes::remove);
}

void AccountRoutes::add_to(RouteList& routes) {
    for (const auto kind : {Kind::tenant, Kind::app, Kind::user}) add_kind(routes, kind);
}

}  // namespace headrace::protocols::native
