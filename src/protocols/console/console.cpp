#include "protocols/console/console.hpp"

#include <array>
#include <string>
#include <utility>

#include "access/principal.hpp"
#include "http/exchange.hpp"

namespace headrace::protocols::console {
namespace {

constexpr auto kOpen = static_cast<http::RightId>(access::Right::open);
constexpr std::string_view kPrefix = "/console";
constexpr std::string_view kIndex = "index.html";
/// Files below have their content's hash in their names.
constexpr std::string_view kHashed = "assets/";
/// How deep places inside the page lie, such as /console/jobs/{id}.
constexpr int kDepth = 5;

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; media-src 'self' blob:; manifest-src 'self'; "
    "worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

constexpr std::string_view kUnbuiltPage =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<title>Headrace</title></head>\n<body><h1>Headrace</h1>\n"
    "<p>This program was built without its console. <code>./dev console</code> builds the page; "
    "build the program again after it.</p>\n"
    "<p>Everything the console does, <code>headrace --help</code> and <a "
    "href=\"/api/v1/openapi.json\">the API</a> do too.</p></body></html>\n";

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".map", "application/json"},
    {".wasm", "application/wasm"},
}};

void add_security(http::Response& response) {
    auto& headers = response.headers;
    headers.add("Content-Security-Policy", std::string(kPolicy));
    headers.add("X-Content-Type-Options", "nosniff");
    headers.add("X-Frame-Options", "DENY");
    headers.add("Referrer-Policy", "no-referrer");
    headers.add("Cross-Origin-Opener-Policy", "same-origin");
    headers.add("Cross-Origin-Resource-Policy", "same-origin");
    headers.add("Permissions-Policy", "microphone=(self), camera=(), geolocation=()");
}

http::Response page(int status, std::string_view content_type, std::string_view body) {
    http::Response response(status, std::string(content_type), std::string(body));
    add_security(response);
    return response;
}

http::Response redirect() {
    http::Response response(308);
    response.headers.add("Location", std::string(kPrefix) + '/');
    return response;
}

}  // namespace

std::string_view content_type_of(std::string_view path) {
    for (const auto& [ending, type] : kTypes) {
        if (path.ends_with(ending)) return type;
    }
    return "application/octet-stream";
}

Console::Console(std::span<const Asset> assets) {
    for (const Asset& asset : assets) assets_.emplace(asset.path, asset);
}

http::Response Console::find(std::string_view path, const http::HeaderView& headers) const {
    if (!built()) {
        auto response = page(200, "text/html; charset=utf-8", kUnbuiltPage);
        response.headers.add("Cache-Control", "no-store");
        return response;
    }
    auto found = assets_.find(path.empty() ? kIndex : path);
    if (found == assets_.end()) {
        if (!path.starts_with(kHashed)) found = assets_.find(kIndex);
        if (found == assets_.end()) return page(404, "text/plain; charset=utf-8", "no such file\n");
    }
    const Asset& asset = found->second;
    const bool packed = !asset.gzip.empty() &&
                        http::accepts_exactly(headers.find("accept-encoding").value_or(""), "gzip");
    std::string tag = "\"";
    tag.append(asset.digest).append(packed ? "-gz\"" : "\"");
    // Tags are quoted hex digits, so that one is never a part of another.
    const bool known =
        headers.find("if-none-match").value_or("").find(tag) != std::string_view::npos;
    auto response = known
                        ? page(304, {}, {})
                        : page(200, content_type_of(asset.path), packed ? asset.gzip : asset.bytes);
    response.headers.add("ETag", std::move(tag));
    response.headers.add("Cache-Control", asset.path.starts_with(kHashed)
                                              ? "public, max-age=31536000, immutable"
                                              : "no-cache");
    if (!asset.gzip.empty()) response.headers.add("Vary", "Accept-Encoding");
    if (packed && !known) response.headers.add("Content-Encoding", "gzip");
    return response;
}

asio::awaitable<void> Console::serve(http::Exchange& exchange) const {
    auto path = exchange.head().path;
    path.remove_prefix(kPrefix.size());
    auto response = path.empty() ? redirect() : find(path.substr(1), exchange.head().headers);
    co_await exchange.respond(std::move(response));
}

http::Mount Console::mount() const {
    http::Mount mount;
    mount.name = "console";
    mount.prefix = std::string(kPrefix);
    std::string pattern;
    const auto add = [&](std::string of) {
        mount.routes.emplace_back(http::Method::get, std::move(of), http::RouteClass::open, kOpen,
                                  [this](http::Exchange& exchange) { return serve(exchange); });
    };
    add("");
    add("/");
    for (int depth = 0; depth < kDepth; ++depth) {
        pattern += "/{";
        pattern += static_cast<char>('a' + depth);
        pattern += '}';
        add(pattern);
    }
    return mount;
}

}  // namespace headrace::protocols::console
