#include "protocols/native/file_routes.hpp"

#include "base/json.hpp"
#include "http/byte_range.hpp"
#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/gate.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::size_t kPiece = 256 * 1024;

Error no_such_file() {
    return Error{ErrorCode::not_found, "there is no such file", {}, 0};
}

/// What a browser must never take for a page of this origin.
void harden(http::Response& head, const jobs::FileRecord& file) {
    head.headers.add("X-Content-Type-Options", "nosniff");
    head.headers.add("Content-Security-Policy", "sandbox; default-src 'none'");
    const bool shown = file.content_type.starts_with("image/") ||
                       file.content_type.starts_with("audio/") ||
                       file.content_type.starts_with("video/");
    std::string disposition = shown ? "inline" : "attachment";
    if (!file.name.empty()) {
        disposition += "; filename*=UTF-8''" + http::percent_encode(file.name);
    }
    head.headers.add("Content-Disposition", std::move(disposition));
}

asio::awaitable<void> send_blob(http::StreamWriter writer, jobs::BlobSource& source,
                                http::RangeAnswer range) {
    std::uint64_t sent = 0;
    while (sent < range.length) {
        const auto count = std::min<std::uint64_t>(kPiece, range.length - sent);
        auto piece = co_await jobs::read_piece(source, range.offset + sent, count);
        // A cut connection tells the client that this is not all.
        if (!piece || piece->empty()) co_return;
        sent += piece->size();
        auto written = co_await writer.write(*piece);
        if (!written) co_return;
    }
    co_await writer.finish();
}

}  // namespace

std::string file_json(const jobs::FileRecord& file) {
    std::string out = "{\"id\":\"" + file.id.text() +
                      "\",\"size\":" + std::to_string(file.blob.size) + ",\"sha256\":\"" +
                      to_hex(file.blob.digest) + "\",\"content_type\":";
    append_json_string(out, file.content_type);
    if (!file.name.empty()) {
        out += ",\"name\":";
        append_json_string(out, file.name);
    }
    out += ",\"created_at\":\"" + to_rfc3339(file.created_at) + '"';
    if (file.expires_at != 0) out += ",\"expires_at\":\"" + to_rfc3339(file.expires_at) + '"';
    out += '}';
    return out;
}

asio::awaitable<Result<jobs::FileRecord>> FileRoutes::find(http::Exchange& exchange) {
    const auto id = FileId::parse(exchange.param("id"));
    if (!id) co_return fail(no_such_file());
    TenantId tenant;
    std::optional<std::string> owner;
    if (exchange.context) {
        const auto& who = caller_of(exchange);
        tenant = who.tenant;
        owner = access::seen_caller(who);
    } else {
        const auto token = exchange.query("token").value_or("");
        auto claim = site_.parts.urls.verify(token, access::UrlPurpose::read_content, *id);
        if (!claim) co_return fail(std::move(claim).error());
        tenant = claim->tenant;
    }
    auto file = co_await jobs::get_file(site_.parts.log, std::move(tenant), *id);
    if (!file) co_return fail(std::move(file).error());
    if (!*file || (owner && (*file)->owner != *owner)) co_return fail(no_such_file());
    const auto expires_at = (*file)->expires_at;
    if (expires_at != 0 && expires_at <= site_.parts.clock.wall()) co_return fail(no_such_file());
    co_return std::move(**file);
}

asio::awaitable<Reply> FileRoutes::get(http::Exchange& exchange) {
    auto file = co_await find(exchange);
    if (!file) co_return fail(std::move(file).error());
    co_return json_response(file_json(*file));
}

asio::awaitable<void> FileRoutes::content(http::Exchange& exchange) {
    auto file = co_await find(exchange);
    if (!file) {
        co_await answer_error(exchange, std::move(file).error());
        co_return;
    }
    auto source = co_await jobs::open_blob(site_.parts.blobs, file->tenant, file->blob);
    if (!source) {
        co_await answer_error(exchange, std::move(source).error());
        co_return;
    }
    const std::string etag = '"' + to_hex(file->blob.digest) + '"';
    const auto size = file->blob.size;
    const auto range = http::choose_range(exchange.head().headers, size, etag);
    if (range.status == 416) {
        auto refused = problem(invalid("Range", "max", std::to_string(size), "outside the file"),
                               416, exchange.head());
        refused.headers.add("Content-Range", "bytes */" + std::to_string(size));
        co_await exchange.respond(std::move(refused));
        co_return;
    }
    auto head = http::range_head(range, size, etag, file->content_type);
    harden(head, *file);
    const auto known = exchange.header("If-None-Match");
    if (known && *known == etag) {
        http::Response unchanged;
        unchanged.status = 304;
        unchanged.headers.add("ETag", etag);
        co_await exchange.respond(std::move(unchanged));
        co_return;
    }
    if (auto local = (*source)->file()) {
        co_await exchange.send_file(std::move(local), range.offset, range.length, std::move(head));
        co_return;
    }
    auto writer = co_await exchange.start_stream(std::move(head));
    if (!writer) co_return;
    co_await send_blob(*writer, **source, range);
}

asio::awaitable<Reply> FileRoutes::remove(http::Exchange& exchange) {
    auto file = co_await find(exchange);
    if (!file) co_return fail(std::move(file).error());
    auto removed = co_await jobs::remove_file(site_.parts.log, file->tenant, file->id);
    if (!removed) co_return fail(std::move(removed).error());
    if (!*removed) co_return fail(no_such_file());
    co_return no_content();
}

void FileRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](RouteSpec spec,
                           asio::awaitable<Reply> (FileRoutes::*handler)(http::Exchange&)) {
        spec.route_class = http::RouteClass::client;
        spec.tag = "files";
        routes.add_reply(
            spec, [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); });
    };
    reply({.method = http::Method::post,
           .pattern = "/files",
           .right = Right::write_file,
           .summary = "Upload a file: raw bytes, a multipart form with `file`, or a JSON body that "
                      "asks for an upload_url",
           .request = "* UploadRequest",
           .status = 201,
           .answer = "File",
           .errors = "400 413 503",
           .body_limit = site_.settings.max_file_bytes + kFormOverhead},
          &FileRoutes::create);
    reply({.method = http::Method::get,
           .pattern = "/files/{id}",
           .right = Right::read_file,
           .summary = "What is known of a file",
           .answer = "File",
           .errors = "404"},
          &FileRoutes::get);
    reply({.method = http::Method::del,
           .pattern = "/files/{id}",
           .right = Right::write_file,
           .summary = "Remove a file",
           .status = 204,
           .errors = "404"},
          &FileRoutes::remove);
    reply({.method = http::Method::put,
           .pattern = kContentPattern,
           .right = Right::write_file,
           .summary = "Upload the content that a signed upload_url was given for",
           .query = "token",
           .request = "*",
           .status = 201,
           .answer = "File",
           .errors = "400 404 409 413 503",
           .body_limit = site_.settings.max_file_bytes},
          &FileRoutes::put);
    routes.add({.method = http::Method::get,
                .pattern = kContentPattern,
                .route_class = http::RouteClass::client,
                .right = Right::read_file,
                .tag = "files",
                .summary = "A file's content, whole or by range; a signed token stands for a key",
                .query = "token",
                .headers = "Range If-Range If-None-Match",
                .answer = "*",
                .errors = "404 416"},
               [this](http::Exchange& exchange) { return content(exchange); });
}

}  // namespace headrace::protocols::native
