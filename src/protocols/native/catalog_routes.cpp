#include "protocols/native/catalog_routes.hpp"

#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "catalog/json_schema.hpp"
#include "catalog/openapi.hpp"
#include "protocols/native/job_request.hpp"
#include "protocols/native/schemas.hpp"

namespace headrace::protocols::native {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    if (out.back() != '{') out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, text);
}

/// Name, version and the other versions that serve beside it, highest first.
void append_summary(std::string& out, const catalog::Version& version,
                    const std::vector<catalog::VersionPtr>& all) {
    const auto& interface = version.interface();
    out += '{';
    append_text(out, "name", version.name);
    append_text(out, "version", version.semver.text());
    append_text(out, "title", version.title);
    append_text(out, "description", version.description);
    append_text(out, "tenant", version.tenant.name);
    append_text(out, "mode", catalog::to_string(interface.mode));
    if (interface.profile) append_text(out, "profile", catalog::to_string(*interface.profile));
    append_text(out, "model", version.model);
    out += ",\"versions\":[";
    for (const auto& other : all) {
        if (out.back() != '[') out += ',';
        append_json_string(out, other->semver.text());
    }
    out += "],\"created_at\":\"" + to_rfc3339(version.created_at) + '"';
}

void append_schema(std::string& out, std::string_view name, const catalog::Interface& interface,
                   catalog::Side side) {
    if (out.back() != '{') out += ',';
    append_json_string(out, name);
    out += ':';
    out += json::serialize(catalog::json_schema(interface, side));
}

}  // namespace

asio::awaitable<Reply> CatalogRoutes::list(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto snapshot = site_.parts.catalog.snapshot();
    std::string body = "{\"capabilities\":[";
    std::string_view last;
    // Sorted by name, then highest first: the first of a name is its default, unless that is a
    // pre-release, so the snapshot is asked.
    for (const auto& version : snapshot->list(who.tenant)) {
        if (version->name == last || !access::may_use(who, version->name, version->model)) continue;
        last = version->name;
        const auto chosen = snapshot->resolve(who.tenant, version->name);
        if (!chosen) continue;
        if (body.back() != '[') body += ',';
        append_summary(body, **chosen, snapshot->versions(who.tenant, version->name));
        body += '}';
    }
    body += "],\"next_cursor\":null}";
    co_return json_response(std::move(body));
}

asio::awaitable<Reply> CatalogRoutes::get(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto snapshot = site_.parts.catalog.snapshot();
    auto found = resolve(*snapshot, who, exchange.param("name"));
    if (!found) co_return fail(std::move(found).error());
    const catalog::Version& version = **found;
    const auto& interface = version.interface();
    std::string body;
    append_summary(body, version, snapshot->versions(who.tenant, version.name));
    body += ",\"interface\":" + catalog::interface_to_json(interface) + ",\"schemas\":{";
    append_schema(body, "input", interface, catalog::Side::input);
    append_schema(body, "output", interface, catalog::Side::output);
    append_schema(body, "progress", interface, catalog::Side::progress_output);
    body += "}}";
    co_return json_response(std::move(body));
}

asio::awaitable<Reply> CatalogRoutes::version_document(http::Exchange& exchange) {
    const auto snapshot = site_.parts.catalog.snapshot();
    auto found = resolve(*snapshot, caller_of(exchange), exchange.param("name"));
    if (!found) co_return fail(std::move(found).error());
    co_return json_response(catalog::openapi_of(**found, std::string(kPrefix) + "/jobs"));
}

asio::awaitable<Reply> CatalogRoutes::document(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    catalog::OpenApiDocument document("Headrace", "1", "The native dialect of Headrace.");
    document.add_server("/", "the door that served this document");
    for (const auto& route : routes_) document.add_route(route);
    add_schemas(document);
    for (const auto& version : site_.parts.catalog.snapshot()->list(who.tenant)) {
        if (access::may_use(who, version->name, version->model))
            document.add_version_schemas(*version);
    }
    co_return json_response(document.text());
}

void CatalogRoutes::describe(const RouteList& routes) {
    routes_ = routes.described();
}

void CatalogRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (CatalogRoutes::*handler)(http::Exchange&)) {
        spec.tag = "capabilities";
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.pattern = "/capabilities",
           .right = Right::read_catalog,
           .summary = "What this key may call",
           .answer = "CapabilityList"},
          &CatalogRoutes::list);
    reply({.pattern = "/capabilities/{name}",
           .right = Right::read_catalog,
           .summary = "Interface, versions and JSON Schemas of name or name@version",
           .answer = "Capability",
           .errors = "404"},
          &CatalogRoutes::get);
    reply({.pattern = "/capabilities/{name}/openapi.json",
           .right = Right::read_catalog,
           .summary = "OpenAPI 3.1 of one version",
           .answer = "Document",
           .errors = "404"},
          &CatalogRoutes::version_document);
    // On every door, whatever classes it serves.
    reply({.pattern = "/openapi.json",
           .route_class = http::RouteClass::open,
           .right = Right::read_catalog,
           .summary = "OpenAPI 3.1 of the dialect and of the capabilities this key may use",
           .answer = "Document"},
          &CatalogRoutes::document);
}

}  // namespace headrace::protocols::native
