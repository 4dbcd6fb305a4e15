#include "protocols/openai/model_routes.hpp"

#include <set>
#include <string>

#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

bool is_model(const catalog::Version& version) {
    const auto& interface = version.interface();
    return interface.profile.has_value() && interface.mode == catalog::Mode::once;
}

void append_model(std::string& out, const catalog::Version& version, std::string_view id) {
    out += "{\"id\":";
    append_json_string(out, id);
    out += ",\"object\":\"model\",\"created\":" + std::to_string(version.created_at / 1000);
    out += ",\"owned_by\":";
    append_json_string(out, version.tenant.name);
    out += ",\"capability\":";
    append_json_string(out, version.text());
    out += ",\"profile\":";
    append_json_string(out, catalog::to_string(*version.interface().profile));
    out += '}';
}

/// Ids hold slashes, and not every client escapes them: up to three segments are one id.
std::string id_of(const http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    for (const std::string_view more : {"id2", "id3"}) {
        const auto part = exchange.param(more);
        if (!part.empty()) id.append("/").append(part);
    }
    return id;
}

}  // namespace

asio::awaitable<Reply> ModelRoutes::list(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto snapshot = site_.parts.catalog.snapshot();
    std::string out = "{\"object\":\"list\",\"data\":[";
    std::set<std::string_view> seen;  // into the snapshot
    for (const auto& version : snapshot->list(who.tenant)) {
        if (!is_model(*version) || !access::may_use(who, version->name, version->model)) continue;
        if (!seen.insert(version->model).second) continue;
        if (out.back() != '[') out += ',';
        append_model(out, *version, version->model);
    }
    out += "]}";
    co_return json_response(std::move(out));
}

asio::awaitable<Reply> ModelRoutes::get(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto id = id_of(exchange);
    const auto version = site_.parts.catalog.snapshot()->resolve_model(who.tenant, id);
    const bool there =
        version && is_model(**version) && access::may_use(who, (*version)->name, (*version)->model);
    if (!there) co_return fail(no_such_model(id));
    std::string out;
    append_model(out, **version, id);
    co_return json_response(std::move(out));
}

void ModelRoutes::add_to(RouteList& routes) {
    const auto get_one = [this](http::Exchange& exchange) { return get(exchange); };
    routes.add_reply(http::Method::get, "/models", access::Right::read_catalog,
                     [this](http::Exchange& exchange) { return list(exchange); });
    for (const std::string_view pattern :
         {"/models/{id}", "/models/{id}/{id2}", "/models/{id}/{id2}/{id3}"}) {
        routes.add_reply(http::Method::get, pattern, access::Right::read_catalog, get_one);
    }
}

}  // namespace headrace::protocols::openai
