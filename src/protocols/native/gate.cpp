#include "protocols/native/gate.hpp"

#include "access/keys.hpp"
#include "access/principal.hpp"
#include "access/sessions.hpp"
#include "base/digest.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/session_cookie.hpp"

namespace headrace::protocols::native {
namespace {

http::Response refuse(const http::Exchange& exchange, const Error& error) {
    return problem(error, status_of(error.code), exchange.head());
}

bool changes_something(http::Method method) {
    return method != http::Method::get && method != http::Method::head;
}

}  // namespace

Result<Gate::Who> Gate::by_key(const http::Exchange& exchange) const {
    const auto header = exchange.header("Authorization");
    const auto key = header ? access::bearer_of(*header) : std::nullopt;
    if (!key) {
        return fail(ErrorCode::unauthenticated,
                    "this route wants a key: Authorization: Bearer hr_…");
    }
    return keys_.authenticate(*key, exchange.head().peer);
}

Result<Gate::Who> Gate::by_cookie(const http::Exchange& exchange, std::string_view cookie) const {
    auto session = sessions_->find(cookie);
    if (!session) return fail(std::move(session).error());
    if (auto may = access::may_call_from(*session->who, exchange.head().peer); !may) {
        return fail(std::move(may).error());
    }
    if (changes_something(exchange.head().method)) {
        const auto shown = exchange.header(kCsrfHeader).value_or("");
        if (!equal_in_constant_time(shown, session->csrf)) {
            return fail(ErrorCode::permission_denied,
                        "a request with the session cookie wants its X-CSRF-Token");
        }
    }
    const bool upgrade = exchange.header("Upgrade").has_value();
    if (!same_origin(exchange, upgrade)) {
        return fail(ErrorCode::permission_denied, "the request comes from another origin");
    }
    return std::move(session->who);
}

Result<Gate::Who> Gate::who(const http::Exchange& exchange, const http::Route& route) const {
    const bool of_callers = route.route_class == http::RouteClass::client;
    if (sessions_ != nullptr && (of_callers || !exchange.header("Authorization"))) {
        if (const auto cookie = session_cookie(exchange)) return by_cookie(exchange, *cookie);
        if (of_callers) return fail(ErrorCode::not_found, "no such route");
    }
    return by_key(exchange);
}

std::optional<http::Response> Gate::operator()(http::Exchange& exchange,
                                               const http::Route& route) const {
    const auto right = static_cast<access::Right>(route.right);
    if (right == access::Right::open) return std::nullopt;
    if (route.pattern == kContentPattern && exchange.query("token")) return std::nullopt;
    auto principal = who(exchange, route);
    if (!principal) return refuse(exchange, principal.error());
    if (auto allowed = access::authorize(**principal, right); !allowed) {
        return refuse(exchange, allowed.error());
    }
    exchange.context = std::move(*principal);
    return std::nullopt;
}

}  // namespace headrace::protocols::native
