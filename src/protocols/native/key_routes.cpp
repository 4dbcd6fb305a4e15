#include "protocols/native/key_routes.hpp"

#include "base/await.hpp"
#include "base/json.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024;
constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMaxCapabilities = 100;
constexpr std::size_t kMaxTenant = 63;
constexpr std::string_view kRoleWords = "admin operator developer viewer caller worker";

Error no_such_key() {
    return Error{ErrorCode::not_found, "there is no such key", {}, 0};
}

void time_member(std::string& out, std::string_view name, WallMs at) {
    if (at == 0) return;
    out += ",\"";
    out += name;
    out += "\":\"" + to_rfc3339(at) + '"';
}

/// Everything but the digest; `secret` only for the one answer that shows it.
void append_key(std::string& out, const access::KeyRecord& key, std::string_view secret = {}) {
    out += "{\"id\":\"" + key.id + "\",\"name\":";
    append_json_string(out, key.name);
    out += ",\"role\":\"";
    out += access::to_string(key.role);
    out += "\",\"tenant\":";
    append_json_string(out, key.tenant.name);
    if (!key.capabilities.empty()) {
        out += ",\"capabilities\":[";
        for (const auto& capability : key.capabilities) {
            if (out.back() != '[') out += ',';
            append_json_string(out, capability);
        }
        out += ']';
    }
    time_member(out, "created_at", key.created_at);
    time_member(out, "expires_at", key.expires_at);
    time_member(out, "revoked_at", key.revoked_at);
    if (!secret.empty()) {
        out += ",\"key\":";
        append_json_string(out, secret);
    }
    out += '}';
}

}  // namespace

Result<access::KeySpec> KeyRoutes::read_spec(const json::object& body,
                                             const access::Principal& who) const {
    access::KeySpec spec;
    FieldReader fields(body);
    fields.require("name");
    fields.require("role");
    const auto name = fields.text("name", kMaxName);
    if (name && name->empty()) fields.add("name", "min_length", "1");
    const auto word = fields.text("role", kMaxName);
    const auto role = word ? access::role_from(*word) : std::nullopt;
    if (word && !role) fields.add("role", "enum", std::string(kRoleWords));
    const auto tenant_name = fields.text("tenant", kMaxTenant);
    auto capabilities = fields.texts("capabilities", kMaxCapabilities, kMaxName);
    const auto expires_at = fields.time("expires_at");
    if (auto sound = fields.finish("the key is not valid"); !sound) return fail(sound.error());
    auto tenant = access::acting_tenant(who, tenant_name);
    if (!tenant) return fail(std::move(tenant).error());
    spec.name = *name;
    spec.role = *role;
    spec.tenant = std::move(*tenant);
    if (capabilities) spec.capabilities = std::move(*capabilities);
    spec.expires_at = expires_at.value_or(0);
    return spec;
}

asio::awaitable<Reply> KeyRoutes::create(http::Exchange& exchange) {
    const auto body = co_await read_object(exchange, kMaxBody);
    if (!body) co_return fail(body.error());
    const auto& who = caller_of(exchange);
    auto spec = read_spec(*body, who);
    if (!spec) co_return fail(std::move(spec).error());
    const auto tenant = spec->tenant;
    auto start = [&](UniqueFunction<void(Result<access::NewKey>)> done) {
        site_.parts.keys.create(std::move(*spec), who, std::move(done));
    };
    auto made = co_await await_result<access::NewKey>(start);
    const std::string object = made ? made->record.id : std::string();
    audit(site_, who, tenant, "key.create", object, made);
    if (!made) co_return fail(std::move(made).error());
    std::string text;
    append_key(text, made->record, made->key.reveal());
    auto response = json_response(std::move(text), 201);
    response.headers.add("Location", std::string(kPrefix) + "/keys/" + made->record.id);
    response.headers.add("Cache-Control", "no-store");
    co_return response;
}

asio::awaitable<Reply> KeyRoutes::list(http::Exchange& exchange) {
    if (auto known = check_query(exchange, "tenant"); !known) co_return fail(known.error());
    const auto& who = caller_of(exchange);
    const auto named = exchange.query("tenant");
    std::vector<access::KeyRecord> keys;
    if (who.system && !named) {
        keys = site_.parts.keys.list_all();
    } else {
        auto tenant = access::acting_tenant(who, named);
        if (!tenant) co_return fail(std::move(tenant).error());
        keys = site_.parts.keys.list(*tenant);
    }
    std::string text = "{\"keys\":[";
    for (const auto& key : keys) {
        if (text.back() != '[') text += ',';
        append_key(text, key);
    }
    text += "],\"next_cursor\":null}";
    co_return json_response(std::move(text));
}

std::optional<access::KeyRecord> KeyRoutes::find(const http::Exchange& exchange) const {
    const auto& who = caller_of(exchange);
    if (who.system) return site_.parts.keys.find(exchange.param("id"));
    return site_.parts.keys.get(who.tenant, exchange.param("id"));
}

asio::awaitable<Reply> KeyRoutes::get(http::Exchange& exchange) {
    const auto key = find(exchange);
    if (!key) co_return fail(no_such_key());
    std::string text;
    append_key(text, *key);
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> KeyRoutes::revoke(http::Exchange& exchange) {
    const auto key = find(exchange);
    if (!key) co_return fail(no_such_key());
    auto start = [&](UniqueFunction<void(Result<void>)> done) {
        site_.parts.keys.revoke(key->tenant, key->id, std::move(done));
    };
    auto revoked = co_await await_result<void>(start);
    audit(site_, caller_of(exchange), key->tenant, "key.revoke", key->id, revoked);
    if (!revoked) co_return fail(std::move(revoked).error());
    site_.parts.key_revoked(key->id);
    co_return no_content();
}

void KeyRoutes::add_to(RouteList& routes) {
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (KeyRoutes::*handler)(http::Exchange&)) {
        spec.route_class = http::RouteClass::admin;
        spec.right = access::Right::manage_keys;
        spec.tag = "keys";
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.method = http::Method::post,
           .pattern = "/keys",
           .summary = "Make a key; its secret is shown once",
           .request = "KeyRequest",
           .status = 201,
           .answer = "Key",
           .errors = "400 413 415"},
          &KeyRoutes::create);
    reply({.pattern = "/keys",
           .summary = "List keys, newest first",
           .query = "tenant",
           .answer = "KeyList",
           .errors = "400"},
          &KeyRoutes::list);
    reply({.pattern = "/keys/{id}",
           .summary = "One key, without its secret",
           .answer = "Key",
           .errors = "404"},
          &KeyRoutes::get);
    reply({.method = http::Method::del,
           .pattern = "/keys/{id}",
           .summary = "Revoke a key",
           .status = 204,
           .errors = "404"},
          &KeyRoutes::revoke);
}

}  // namespace headrace::protocols::native
