#include "protocols/openai/file_routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.hpp"
#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/page.hpp"
#include "protocols/openai/wire_ids.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::array<std::string_view, 6> kPurposes{"assistants", "batch",     "fine-tune",
                                                    "vision",     "user_data", "evals"};
constexpr std::uint32_t kMostFiles = 10'000;
constexpr std::uint32_t kPage = 1'000;
constexpr std::int64_t kShortest = 3'600;
constexpr std::int64_t kLongest = 2'592'000;
constexpr std::size_t kPiece = 256 * 1024;

Error no_such_file(std::string_view id) {
    return Error{ErrorCode::not_found,
                 "No such File object: " + std::string(id),
                 {Violation{"id", "", ""}},
                 0};
}

/// `expires_after[seconds]`; 0 = it stays.
Result<std::int64_t> keep_ms(const Form& form) {
    const auto text = form.find("expires_after[seconds]");
    if (!text) return 0;
    std::int64_t seconds = 0;
    const auto* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, seconds);
    if (read.ec != std::errc{} || read.ptr != end || seconds < kShortest || seconds > kLongest) {
        return fail(bad_field("expires_after.seconds", code::kInvalid,
                              "Invalid 'expires_after.seconds': it takes 3600 to 2592000."));
    }
    return seconds * 1000;
}

asio::awaitable<void> send_blob(http::StreamWriter writer, jobs::BlobSource& source) {
    std::uint64_t sent = 0;
    while (sent < source.size()) {
        auto piece = co_await jobs::read_piece(source, sent, kPiece);
        // A cut connection tells the client that this is not all.
        if (!piece || piece->empty()) co_return;
        sent += piece->size();
        auto written = co_await writer.write(*piece);
        if (!written) co_return;
    }
    co_await writer.finish();
}

}  // namespace

std::string file_object(const jobs::FileRecord& file) {
    std::string out = "{\"id\":\"" + wire_id(kFilePrefix, file.id) +
                      "\",\"object\":\"file\",\"bytes\":" + std::to_string(file.blob.size) +
                      ",\"created_at\":" + std::to_string(file.created_at / 1000);
    if (file.expires_at != 0) {
        out += ",\"expires_at\":" + std::to_string(file.expires_at / 1000);
    }
    out += ",\"filename\":";
    append_json_string(out, file.name);
    out += ",\"purpose\":";
    append_json_string(out, file.purpose);
    out += ",\"status\":\"processed\",\"status_details\":null}";
    return out;
}

asio::awaitable<Result<jobs::FileRecord>> find_file(Site& site, const http::Exchange& exchange,
                                                    std::string id) {
    const auto uuid = parse_wire_id(kFilePrefix, id);
    if (!uuid) co_return fail(no_such_file(id));
    const auto& who = caller_of(exchange);
    auto file = co_await jobs::get_file(site.parts.log, who.tenant, FileId(*uuid));
    if (!file) co_return fail(std::move(file).error());
    const auto owner = access::seen_caller(who);
    const bool hidden = *file && ((*file)->purpose.empty() || (*file)->purpose.front() == '.');
    if (!*file || hidden || (owner && (*file)->owner != *owner)) {
        co_return fail(no_such_file(id));
    }
    co_return std::move(**file);
}

asio::awaitable<Reply> FileRoutes::create(http::Exchange& exchange) {
    auto form = co_await read_form(site_, exchange);
    if (!form) co_return fail(std::move(form).error());
    if (!form->file) co_return fail(missing_field("file"));
    const auto purpose = form->find("purpose");
    if (!purpose) co_return fail(missing_field("purpose"));
    if (std::find(kPurposes.begin(), kPurposes.end(), *purpose) == kPurposes.end()) {
        co_return fail(bad_field("purpose", code::kInvalid,
                                 "Invalid value for 'purpose': supported values are 'assistants', "
                                 "'batch', 'fine-tune', 'vision', 'user_data' and 'evals'."));
    }
    const auto keep = keep_ms(*form);
    if (!keep) co_return fail(keep.error());
    const auto& who = caller_of(exchange);
    jobs::FileRecord file;
    file.id = site_.ids.make<FileId>();
    file.tenant = who.tenant;
    file.owner = who.key_id;
    file.blob = form->file->blob;
    file.name = form->file->name.empty() ? "file" : form->file->name;
    file.content_type = form->file->content_type;
    file.purpose = *purpose;
    file.created_at = site_.parts.clock.wall();
    if (*keep > 0) file.expires_at = file.created_at + *keep;
    auto object = file_object(file);
    auto kept = co_await jobs::put_file(site_.parts.log, std::move(file));
    if (!kept) co_return fail(std::move(kept).error());
    co_return json_response(std::move(object));
}

asio::awaitable<Reply> FileRoutes::list(http::Exchange& exchange) {
    const auto page = read_page(exchange, kMostFiles, kMostFiles);
    if (!page) co_return fail(page.error());
    const auto& who = caller_of(exchange);
    jobs::FileQuery query;
    query.tenant = who.tenant;
    query.owner = access::seen_caller(who);
    query.purpose = exchange.query("purpose").value_or("");
    if (query.purpose.starts_with('.')) query.purpose = "none";
    query.oldest_first = page->oldest_first;
    const std::uint32_t wanted = std::min(page->limit, kPage);
    query.limit = wanted + 1;  // one more tells whether there is a next page
    if (page->after) {
        const auto uuid = parse_wire_id(kFilePrefix, *page->after);
        if (!uuid) co_return fail(no_such_file(*page->after));
        query.after = FileId(*uuid);
    }
    auto files = co_await jobs::list_files(site_.parts.log, std::move(query));
    if (!files) co_return fail(std::move(files).error());
    const bool more = files->size() > wanted;
    if (more) files->resize(wanted);
    ListAnswer answer;
    for (const auto& file : *files) answer.add(wire_id(kFilePrefix, file.id), file_object(file));
    co_return json_response(answer.finish(more));
}

asio::awaitable<Reply> FileRoutes::get(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    const auto file = co_await find_file(site_, exchange, std::move(id));
    if (!file) co_return fail(file.error());
    co_return json_response(file_object(*file));
}

asio::awaitable<Reply> FileRoutes::remove(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    const auto file = co_await find_file(site_, exchange, id);
    if (!file) co_return fail(file.error());
    const auto removed = co_await jobs::remove_file(site_.parts.log, file->tenant, file->id);
    if (!removed) co_return fail(removed.error());
    if (!*removed) co_return fail(no_such_file(id));
    co_return json_response("{\"id\":\"" + id + "\",\"object\":\"file\",\"deleted\":true}");
}

asio::awaitable<void> FileRoutes::content(http::Exchange& exchange) {
    std::string id(exchange.param("id"));
    const auto file = co_await find_file(site_, exchange, std::move(id));
    if (!file) {
        Reply refused = fail(file.error());
        co_await answer(exchange, std::move(refused));
        co_return;
    }
    auto source = co_await jobs::open_blob(site_.parts.blobs, file->tenant, file->blob);
    if (!source) {
        Reply refused = fail(std::move(source).error());
        co_await answer(exchange, std::move(refused));
        co_return;
    }
    // What a browser must never take for a page of this origin.
    http::Response head(200, "application/octet-stream");
    head.headers.add("Content-Disposition",
                     "attachment; filename*=UTF-8''" + http::percent_encode(file->name));
    head.headers.add("X-Content-Type-Options", "nosniff");
    stamp(head, exchange);
    if (auto local = (*source)->file()) {
        co_await exchange.send_file(std::move(local), 0, file->blob.size, std::move(head));
        co_return;
    }
    auto writer = co_await exchange.start_stream(std::move(head));
    if (!writer) co_return;
    co_await send_blob(*writer, **source);
}

void FileRoutes::add_to(RouteList& routes) {
    using access::Right;
    const auto reply = [&](http::Method method, std::string_view pattern, Right right,
                           asio::awaitable<Reply> (FileRoutes::*handler)(http::Exchange&),
                           std::size_t limit = 0) {
        routes.add_reply(
            method, pattern, right,
            [this, handler](http::Exchange& exchange) { return (this->*handler)(exchange); },
            limit);
    };
    reply(http::Method::post, "/files", Right::write_file, &FileRoutes::create,
          site_.settings.max_file_bytes + kFormOverhead);
    reply(http::Method::get, "/files", Right::read_file, &FileRoutes::list);
    reply(http::Method::get, "/files/{id}", Right::read_file, &FileRoutes::get);
    reply(http::Method::del, "/files/{id}", Right::write_file, &FileRoutes::remove);
    routes.add(http::Method::get, "/files/{id}/content", Right::read_file,
               [this](http::Exchange& exchange) { return content(exchange); });
}

}  // namespace headrace::protocols::openai
