// Ways of a file into the store; its bytes pass through piece by piece and never stand in memory
// whole.
#include <charconv>

#include "base/json.hpp"
#include "http/multipart.hpp"
#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "protocols/forms/form_body.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/file_routes.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::size_t kMaxContentType = 255;
constexpr std::size_t kMaxName = 255;

/// The note of an upload's claim: owner, size and content type, one a line.
std::string upload_note(std::string_view owner, std::int64_t size, std::string_view content_type) {
    std::string note(owner);
    note += '\n';
    note += std::to_string(size);
    note += '\n';
    note += content_type;
    return note;
}

struct UploadNote {
    std::string owner;
    std::uint64_t size = 0;
    std::string content_type;
};

std::optional<UploadNote> parse_note(const std::string& note) {
    const auto first = note.find('\n');
    const auto second = first == std::string::npos ? first : note.find('\n', first + 1);
    if (second == std::string::npos) return std::nullopt;
    UploadNote parsed;
    parsed.owner = note.substr(0, first);
    std::from_chars(note.data() + first + 1, note.data() + second, parsed.size);
    parsed.content_type = note.substr(second + 1);
    return parsed;
}

bool is_content_type(std::string_view text) {
    const auto slash = text.find('/');
    const bool plain = text.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                           "!#$&^_.+-/;= \"") == std::string_view::npos;
    return plain && text.size() <= kMaxContentType && slash != std::string_view::npos &&
           slash > 0 && slash + 1 < text.size();
}

/// Gathers what one read of a form gave for its `file` part, between two writes of the blob.
struct FormFile {
    bool seen = false;
    bool inside = false;
    std::string content_type;
    std::string name;
    std::string pending;

    http::MultipartSink sink() {
        return {[this](const http::PartHead& head) { return begin(head); },
                [this](std::string_view data) {
                    if (inside) pending += data;
                    return Result<void>{};
                },
                [this] {
                    inside = false;
                    return Result<void>{};
                }};
    }

    Result<void> begin(const http::PartHead& head) {
        if (head.name != "file") {
            return fail(invalid("form", "unknown_field", "", "the form has one part: file"));
        }
        if (seen) return fail(invalid("file", "max_items", "1", "the form has more than one file"));
        seen = inside = true;
        content_type = head.content_type;
        name = head.filename.substr(0, kMaxName);
        return {};
    }
};

}  // namespace

asio::awaitable<Reply> FileRoutes::keep(jobs::FileRecord file) {
    file.created_at = site_.parts.clock.wall();
    file.expires_at = file.created_at + site_.settings.file_keep_ms;
    if (!is_content_type(file.content_type)) file.content_type = "application/octet-stream";
    auto body = file_json(file);
    const auto place = std::string(kPrefix) + "/files/" + file.id.text();
    auto kept = co_await jobs::put_file(site_.parts.log, std::move(file));
    if (!kept) co_return fail(std::move(kept).error());
    auto response = json_response(std::move(body), 201);
    response.headers.add("Location", place);
    co_return response;
}

asio::awaitable<Result<jobs::FileRecord>> FileRoutes::receive_raw(http::Exchange& exchange,
                                                                  TenantId tenant,
                                                                  std::uint64_t limit) {
    auto writer = jobs::BlobWriter::open(site_.parts.blobs, tenant, limit);
    if (!writer) co_return fail(std::move(writer).error());
    while (true) {
        auto piece = co_await exchange.read_some();
        if (!piece) co_return fail(std::move(piece).error());
        if (!*piece) break;
        auto written = co_await writer->write(std::move(**piece));
        if (!written) co_return fail(std::move(written).error());
    }
    auto blob = co_await writer->finish();
    if (!blob) co_return fail(std::move(blob).error());
    jobs::FileRecord file;
    file.tenant = std::move(tenant);
    file.blob = *blob;
    if (const auto type = exchange.header("Content-Type")) file.content_type = *type;
    co_return file;
}

asio::awaitable<Result<jobs::FileRecord>> FileRoutes::receive_form(http::Exchange& exchange,
                                                                   TenantId tenant) {
    FormFile form;
    auto reader = http::MultipartReader::make(*exchange.header("Content-Type"), form.sink());
    if (!reader) co_return fail(std::move(reader).error());
    auto writer = jobs::BlobWriter::open(site_.parts.blobs, tenant, site_.settings.max_file_bytes);
    if (!writer) co_return fail(std::move(writer).error());
    auto read = co_await forms::read_form_body(exchange, *reader, form.pending, std::move(*writer));
    if (!read) co_return fail(std::move(read).error());
    if (!form.seen) co_return fail(invalid("file", "required", "", "the form has no part file"));
    auto blob = co_await read->finish();
    if (!blob) co_return fail(std::move(blob).error());
    jobs::FileRecord file;
    file.tenant = std::move(tenant);
    file.blob = *blob;
    file.content_type = std::move(form.content_type);
    file.name = std::move(form.name);
    co_return file;
}

asio::awaitable<Reply> FileRoutes::create(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    const auto type = http::media_type(exchange.header("Content-Type").value_or(""));
    if (type == "application/json") co_return co_await promise(exchange);
    const bool form = type == "multipart/form-data";
    Result<jobs::FileRecord> file = fail(ErrorCode::internal, "not received");
    if (form) {
        file = co_await receive_form(exchange, who.tenant);
    } else {
        file = co_await receive_raw(exchange, who.tenant, site_.settings.max_file_bytes);
    }
    if (!file) co_return fail(std::move(file).error());
    file->id = site_.ids.make<FileId>();
    file->owner = who.key_id;
    co_return co_await keep(std::move(*file));
}

/// Answers with a signed address; nothing is stored until its content comes.
asio::awaitable<Reply> FileRoutes::promise(http::Exchange& exchange) {
    const auto body = co_await read_object(exchange, kFormOverhead);
    if (!body) co_return fail(body.error());
    FieldReader fields(*body);
    fields.require("size");
    fields.require("content_type");
    const auto most = static_cast<std::int64_t>(site_.settings.max_file_bytes);
    const auto size = fields.integer("size", 0, most);
    const auto type = fields.text("content_type", kMaxContentType);
    if (type && !is_content_type(*type)) fields.add("content_type", "format:content_type");
    if (auto sound = fields.finish("the upload is not valid"); !sound)
        co_return fail(sound.error());

    const auto& who = caller_of(exchange);
    access::UrlClaim claim;
    claim.purpose = access::UrlPurpose::upload;
    claim.tenant = who.tenant;
    claim.file = site_.ids.make<FileId>();
    claim.expires_at = site_.parts.clock.wall() + site_.settings.url_good_ms;
    claim.note = upload_note(who.key_id, *size, *type);
    const auto id = claim.file.text();
    std::string out =
        "{\"id\":\"" + id + "\",\"size\":" + std::to_string(*size) + ",\"content_type\":";
    append_json_string(out, *type);
    out += ",\"upload_url\":";
    append_json_string(out, origin_of(exchange) + std::string(kPrefix) + "/files/" + id +
                                "/content?token=" + site_.parts.urls.sign(claim));
    out += ",\"expires_at\":\"" + to_rfc3339(claim.expires_at) + "\"}";
    co_return json_response(std::move(out), 201);
}

asio::awaitable<Reply> FileRoutes::put(http::Exchange& exchange) {
    const auto id = FileId::parse(exchange.param("id"));
    const auto token = exchange.query("token");
    if (!id || !token) co_return fail(ErrorCode::not_found, "content goes to a signed upload_url");
    auto claim = site_.parts.urls.verify(*token, access::UrlPurpose::upload, *id);
    if (!claim) co_return fail(std::move(claim).error());
    const auto note = parse_note(claim->note);
    if (!note) co_return fail(ErrorCode::internal, "a signed claim has no note");
    const auto there = co_await jobs::get_file(site_.parts.log, claim->tenant, *id);
    if (!there) co_return fail(there.error());
    if (*there) co_return fail(ErrorCode::conflict, "this upload_url was used before");
    auto file = co_await receive_raw(exchange, claim->tenant, note->size);
    if (!file) co_return fail(std::move(file).error());
    if (file->blob.size != note->size) {
        co_return fail(invalid("body", "size", std::to_string(note->size),
                               "the content is not of the size that was announced"));
    }
    file->id = *id;
    file->owner = note->owner;
    file->content_type = note->content_type;
    co_return co_await keep(std::move(*file));
}

}  // namespace headrace::protocols::native
