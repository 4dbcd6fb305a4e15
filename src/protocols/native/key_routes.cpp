#include "protocols/native/key_routes.hpp"

#include "base/await.hpp"
#include "base/json.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/limits_json.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024;
constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMaxCapabilities = 100;
constexpr std::size_t kMaxTenant = 63;
constexpr std::int64_t kDefaultOverlap = 86'400;
constexpr std::string_view kRoleWords = "admin operator developer viewer caller worker";

Error no_such_key() {
    return Error{ErrorCode::not_found, "there is no such key", {}, 0};
}

void append_texts(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    out += ",\"";
    out += name;
    out += "\":[";
    for (const auto& text : texts) {
        if (out.back() != '[') out += ',';
        append_json_string(out, text);
    }
    out += ']';
}

/// Everything but the digests; `secret` only for the one answer that shows it.
void append_key(std::string& out, const access::KeyRecord& key, std::string_view secret = {}) {
    out += "{\"id\":\"" + key.id + "\",\"name\":";
    append_json_string(out, key.name);
    out += ",\"role\":\"";
    out += access::to_string(key.role);
    out += "\",\"tenant\":";
    append_json_string(out, key.tenant.name);
    append_text_member(out, "app", key.app);
    append_text_member(out, "user", key.user);
    append_texts(out, "capabilities", key.capabilities);
    append_texts(out, "addresses", key.addresses);
    if (key.limits.any()) {
        out += ",\"limits\":";
        append_limits(out, key.limits);
    }
    append_time_member(out, "created_at", key.created_at);
    append_time_member(out, "expires_at", key.expires_at);
    append_time_member(out, "revoked_at", key.revoked_at);
    append_time_member(out, "rotated_at", key.rotated_at);
    append_time_member(out, "old_secret_until", key.old_until);
    append_time_member(out, "last_used_at", key.last_used);
    append_text_member(out, "key", secret);
    out += '}';
}

Reply key_reply(const access::NewKey& made, int status) {
    std::string text;
    append_key(text, made.record, made.key.reveal());
    auto response = json_response(std::move(text), status);
    response.headers.add("Cache-Control", "no-store");
    return response;
}

/// What POST and PATCH have in common.
access::KeyChange read_change(FieldReader& fields) {
    access::KeyChange change;
    if (const auto name = fields.text("name", kMaxName)) {
        if (name->empty()) fields.add("name", "min_length", "1");
        change.name = *name;
    }
    change.capabilities = fields.texts("capabilities", kMaxCapabilities, kMaxName);
    change.expires_at = fields.time("expires_at");
    if (const auto app = fields.text("app", kMaxName)) change.app = *app;
    if (const auto user = fields.text("user", kMaxName)) change.user = *user;
    change.addresses = fields.texts("addresses", kMaxCapabilities, kMaxName);
    change.limits = limits_field(fields, "limits");
    return change;
}

}  // namespace

Result<access::KeySpec> KeyRoutes::read_spec(const json::object& body,
                                             const access::Principal& who) const {
    access::KeySpec spec;
    FieldReader fields(body);
    fields.require("name");
    fields.require("role");
    auto change = read_change(fields);
    const auto word = fields.text("role", kMaxName);
    const auto role = word ? access::role_from(*word) : std::nullopt;
    if (word && !role) fields.add("role", "enum", std::string(kRoleWords));
    const auto tenant_name = fields.text("tenant", kMaxTenant);
    if (auto sound = fields.finish("the key is not valid"); !sound) return fail(sound.error());
    auto tenant = access::acting_tenant(who, tenant_name);
    if (!tenant) return fail(std::move(tenant).error());
    spec.name = std::move(*change.name);
    spec.role = *role;
    spec.tenant = std::move(*tenant);
    if (change.capabilities) spec.capabilities = std::move(*change.capabilities);
    spec.expires_at = change.expires_at.value_or(0);
    spec.app = std::move(change.app).value_or("");
    spec.user = std::move(change.user).value_or("");
    if (change.addresses) spec.addresses = std::move(*change.addresses);
    spec.limits = change.limits.value_or(access::Limits{});
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
    auto reply = key_reply(*made, 201);
    reply->headers.add("Location", std::string(kPrefix) + "/keys/" + made->record.id);
    co_return reply;
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

asio::awaitable<Reply> KeyRoutes::update(http::Exchange& exchange) {
    const auto body = co_await read_object(exchange, kMaxBody);
    if (!body) co_return fail(body.error());
    const auto key = find(exchange);
    if (!key) co_return fail(no_such_key());
    FieldReader fields(*body);
    auto change = read_change(fields);
    if (auto sound = fields.finish("the change is not valid"); !sound)
        co_return fail(sound.error());
    auto start = [&](access::Done<access::KeyRecord> done) {
        site_.parts.keys.update(key->tenant, key->id, std::move(change), std::move(done));
    };
    auto changed = co_await await_result<access::KeyRecord>(start);
    audit(site_, caller_of(exchange), key->tenant, "key.change", key->id, changed);
    if (!changed) co_return fail(std::move(changed).error());
    std::string text;
    append_key(text, *changed);
    co_return json_response(std::move(text));
}

asio::awaitable<Reply> KeyRoutes::rotate(http::Exchange& exchange) {
    json::object body;
    if (exchange.content_length().value_or(0) > 0) {
        auto read = co_await read_object(exchange, kMaxBody);
        if (!read) co_return fail(std::move(read).error());
        body = std::move(*read);
    }
    const auto key = find(exchange);
    if (!key) co_return fail(no_such_key());
    FieldReader fields(body);
    constexpr auto kMost = std::chrono::seconds(access::KeyRing::kMaxOverlap).count();
    const auto overlap = fields.integer("overlap_s", 0, kMost);
    if (auto sound = fields.finish("the rotation is not valid"); !sound) {
        co_return fail(sound.error());
    }
    auto start = [&](access::Done<access::NewKey> done) {
        site_.parts.keys.rotate(key->tenant, key->id,
                                std::chrono::seconds(overlap.value_or(kDefaultOverlap)),
                                std::move(done));
    };
    auto made = co_await await_result<access::NewKey>(start);
    audit(site_, caller_of(exchange), key->tenant, "key.rotate", key->id, made);
    if (!made) co_return fail(std::move(made).error());
    co_return key_reply(*made, 200);
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
    reply({.method = http::Method::patch,
           .pattern = "/keys/{id}",
           .summary = "Change what a key may do; its secret stays",
           .request = "KeyChange",
           .answer = "Key",
           .errors = "400 404 409 413 415"},
          &KeyRoutes::update);
    reply({.method = http::Method::post,
           .pattern = "/keys/{id}/rotate",
           .summary = "Give a key a new secret, shown once; the old one works a while longer",
           .request = "KeyRotation",
           .answer = "Key",
           .errors = "400 404 409 413 415"},
          &KeyRoutes::rotate);
    reply({.method = http::Method::del,
           .pattern = "/keys/{id}",
           .summary = "Revoke a key",
           .status = 204,
           .errors = "404"},
          &KeyRoutes::revoke);
}

}  // namespace headrace::protocols::native
