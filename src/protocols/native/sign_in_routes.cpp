#include "protocols/native/sign_in_routes.hpp"

#include "access/sessions.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "protocols/native/audit.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/session_cookie.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::size_t kMaxBody = 4 * 1024;
constexpr std::size_t kMaxToken = 200;

Error not_signed_in() {
    return Error{ErrorCode::unauthenticated, "not signed in", {}, 0};
}

http::Response private_response(std::string body, int status = 200) {
    auto response = json_response(std::move(body), status);
    response.headers.add("Cache-Control", "no-store");
    return response;
}

std::string session_text(const access::Sessions::Signed& session, std::string_view client_url) {
    const auto& who = *session.who;
    std::string text = "{\"tenant\":";
    append_json_string(text, who.tenant.name);
    text += ",\"name\":";
    append_json_string(text, who.name);
    text += ",\"roles\":[\"";
    text += access::to_string(who.role);
    text += "\"],\"system\":";
    text += who.system ? "true" : "false";
    text += ",\"csrf_token\":";
    append_json_string(text, session.csrf);
    text += ",\"expires_at\":\"" + to_rfc3339(session.expires_at) + "\",\"client_url\":";
    append_json_string(text, client_url);
    text += '}';
    return text;
}

}  // namespace

asio::awaitable<Reply> SignInRoutes::sign_in(http::Exchange& exchange) {
    if (!same_origin(exchange, false)) {
        co_return fail(ErrorCode::permission_denied, "the request comes from another origin");
    }
    const auto body = co_await read_object(exchange, kMaxBody);
    if (!body) co_return fail(body.error());
    FieldReader fields(*body);
    const auto token = fields.text("token", kMaxToken);
    const auto key = fields.text("key", kMaxToken);
    if (token && key) fields.add("key", "excludes:token");
    if (!token && !key) fields.add("token", "required");
    if (auto sound = fields.finish("a sign-in wants a token or a key"); !sound) {
        co_return fail(sound.error());
    }
    const auto peer = exchange.head().peer;
    auto& sessions = site_.parts.sessions;
    auto opened =
        token ? sessions.open_with_link(*token, peer) : sessions.open_with_key(*key, peer);
    if (!opened) {
        log::warn("sign-in refused peer={} by={} reason={}", peer, token ? "link" : "key",
                  to_string(opened.error().code));
        co_return fail(std::move(opened).error());
    }
    const auto& session = opened->signed_in;
    audit(site_, *session.who, session.who->tenant, "session.open", token ? "link" : "key",
          nullptr);
    const auto seconds = (session.expires_at - site_.parts.clock.wall()) / 1000;
    auto response = private_response(session_text(session, site_.parts.server().client_url));
    response.headers.add("Set-Cookie",
                         set_session_cookie(opened->cookie.reveal(), seconds, exchange.head().tls));
    co_return response;
}

asio::awaitable<Reply> SignInRoutes::show(http::Exchange& exchange) {
    const auto cookie = session_cookie(exchange);
    if (!cookie) co_return fail(not_signed_in());
    const auto session = site_.parts.sessions.find(*cookie);
    if (!session) co_return fail(session.error());
    co_return private_response(session_text(*session, site_.parts.server().client_url));
}

asio::awaitable<Reply> SignInRoutes::sign_out(http::Exchange& exchange) {
    const auto cookie = session_cookie(exchange);
    if (!cookie || !site_.parts.sessions.close(*cookie)) co_return fail(not_signed_in());
    const auto& who = caller_of(exchange);
    audit(site_, who, who.tenant, "session.close", "", nullptr);
    auto response = no_content();
    response.headers.add("Set-Cookie", set_session_cookie("", 0, exchange.head().tls));
    co_return response;
}

asio::awaitable<Reply> SignInRoutes::make_link(http::Exchange& exchange) {
    auto who = std::static_pointer_cast<const access::Principal>(exchange.context);
    audit(site_, *who, who->tenant, "session.link", "", nullptr);
    const auto link = site_.parts.sessions.make_link(std::move(who));
    std::string text = "{\"token\":";
    append_json_string(text, link.token.reveal());
    text += ",\"path\":";
    append_json_string(text, "/console/#sign-in=" + std::string(link.token.reveal()));
    text += ",\"expires_at\":\"" + to_rfc3339(link.expires_at) + "\"}";
    co_return private_response(std::move(text), 201);
}

void SignInRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (SignInRoutes::*handler)(http::Exchange&)) {
        spec.route_class = http::RouteClass::admin;
        spec.tag = "console";
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.method = http::Method::post,
           .pattern = "/session",
           .right = Right::open,
           .summary = "Sign in to the console with a one-time token or a key",
           .request = "SignIn",
           .answer = "Session",
           .errors = "400 401 403 413 415 429"},
          &SignInRoutes::sign_in);
    reply({.pattern = "/session",
           .right = Right::use_console,
           .summary = "Who is signed in",
           .answer = "Session"},
          &SignInRoutes::show);
    reply({.method = http::Method::del,
           .pattern = "/session",
           .right = Right::use_console,
           .summary = "Sign out",
           .status = 204},
          &SignInRoutes::sign_out);
    reply({.method = http::Method::post,
           .pattern = "/session/links",
           .right = Right::manage_keys,
           .summary = "A link that signs in as this key, once, within 15 minutes",
           .status = 201,
           .answer = "SignInLink"},
          &SignInRoutes::make_link);
}

}  // namespace headrace::protocols::native
