#include "protocols/native/inputs.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "catalog/json_codec.hpp"
#include "http/guarded_fetch.hpp"
#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::protocols::native {
namespace {

using catalog::Media;

/// One media value with its place, for messages.
struct Found {
    std::string path;
    const catalog::FieldSpec* spec;
    Media* media;
};

const catalog::FieldSpec* spec_of(const catalog::Interface& interface, std::string_view name) {
    const auto& inputs = interface.inputs;
    const auto at = std::find_if(inputs.begin(), inputs.end(),
                                 [&](const auto& spec) { return spec.name == name; });
    return at == inputs.end() ? nullptr : &*at;
}

std::vector<Found> media_of(catalog::Values& values, const catalog::Interface& interface) {
    std::vector<Found> all;
    std::string last;
    std::size_t index = 0;
    catalog::for_each_media(values, [&](std::string_view field, Media& media) {
        const auto* spec = spec_of(interface, field);
        index = field == last ? index + 1 : 0;
        last = field;
        std::string path = "input." + std::string(field);
        if (spec != nullptr && spec->list) path += '[' + std::to_string(index) + ']';
        all.push_back({std::move(path), spec, &media});
    });
    return all;
}

Error no_such_file(const std::string& path) {
    return Error{ErrorCode::not_found, "there is no such file", {{path, "file_id", ""}}, 0};
}

asio::awaitable<Result<void>> take_file(Site& site, const access::Principal& who, Found& found) {
    const auto id = FileId::parse(std::get<catalog::FileSource>(found.media->source).id);
    if (!id) co_return fail(no_such_file(found.path));
    auto file = co_await jobs::get_file(site.parts.log, who.tenant, *id);
    if (!file) co_return fail(std::move(file).error());
    const auto seen = access::seen_caller(who);
    if (!*file || (seen && (*file)->owner != *seen)) co_return fail(no_such_file(found.path));
    const jobs::FileRecord& record = **file;
    found.media->source = catalog::BlobSource{record.blob.digest};
    found.media->size = record.blob.size;
    if (found.media->content_type.empty()) found.media->content_type = record.content_type;
    if (found.media->name.empty()) found.media->name = record.name;
    co_return Result<void>{};
}

/// A place outside failed, not this server: the caller must name another one.
Error bad_url(const std::string& path, const Error& why) {
    if (why.code == ErrorCode::too_large) {
        Error error = why;
        for (auto& violation : error.violations) violation.path = path;
        return error;
    }
    return invalid(path, "url", "", "the address could not be fetched: " + why.message);
}

asio::awaitable<Result<void>> take_url(Site& site, const TenantId& tenant, Found& found) {
    http::FetchRequest request;
    request.url = std::get<catalog::UrlSource>(found.media->source).url;
    request.max_bytes = site.settings.max_file_bytes;
    if (found.spec != nullptr && found.spec->media.max_bytes) {
        request.max_bytes = std::min(request.max_bytes, *found.spec->media.max_bytes);
    }
    const auto limit = request.max_bytes;
    auto content = co_await site.parts.fetch.open(std::move(request));
    if (!content) co_return fail(bad_url(found.path, content.error()));
    if (content->status() != 200) {
        co_return fail(invalid(found.path, "url", "",
                               "the address answered " + std::to_string(content->status())));
    }
    auto writer = jobs::BlobWriter::open(site.parts.blobs, tenant, limit);
    if (!writer) co_return fail(std::move(writer).error());
    while (true) {
        auto piece = co_await content->read_some();
        if (!piece) co_return fail(bad_url(found.path, piece.error()));
        if (!*piece) break;
        auto written = co_await writer->write(std::move(**piece));
        if (!written) co_return fail(std::move(written).error());
    }
    auto blob = co_await writer->finish();
    if (!blob) co_return fail(std::move(blob).error());
    if (found.media->content_type.empty()) {
        if (const auto type = content->headers().find("Content-Type")) {
            found.media->content_type = http::media_type(*type);
        }
    }
    found.media->source = catalog::BlobSource{blob->digest};
    found.media->size = blob->size;
    co_return Result<void>{};
}

asio::awaitable<Result<void>> take_inline(Site& site, const TenantId& tenant, Found& found) {
    auto& bytes = std::get<catalog::InlineBytes>(found.media->source).bytes;
    found.media->size = bytes.size();
    auto blob = co_await jobs::store_bytes(site.parts.blobs, tenant, std::move(bytes));
    if (!blob) co_return fail(std::move(blob).error());
    found.media->source = catalog::BlobSource{blob->digest};
    co_return Result<void>{};
}

asio::awaitable<Result<void>> take(Site& site, const access::Principal& who, Found& found,
                                   std::size_t inline_bytes) {
    if (std::holds_alternative<catalog::FileSource>(found.media->source)) {
        co_return co_await take_file(site, who, found);
    }
    if (std::holds_alternative<catalog::UrlSource>(found.media->source)) {
        co_return co_await take_url(site, who.tenant, found);
    }
    const auto* bytes = std::get_if<catalog::InlineBytes>(&found.media->source);
    if (bytes != nullptr && bytes->bytes.size() > inline_bytes) {
        co_return co_await take_inline(site, who.tenant, found);
    }
    co_return Result<void>{};
}

}  // namespace

bool is_plain(const catalog::Values& values) {
    bool plain = true;
    catalog::for_each_media(values, [&](std::string_view, const Media& media) {
        const auto* bytes = std::get_if<catalog::InlineBytes>(&media.source);
        plain = plain && bytes != nullptr && bytes->bytes.size() <= catalog::kInlineMediaBytes;
    });
    return plain;
}

asio::awaitable<Result<jobs::Payload>> to_payload(Site& site, const access::Principal& who,
                                                  catalog::VersionPtr version,
                                                  catalog::Values values, bool durable) {
    const std::size_t inline_bytes =
        durable ? jobs::Payload::kInlineBytes : catalog::kInlineMediaBytes;
    auto all = media_of(values, version->interface());
    for (auto& found : all) {
        auto taken = co_await take(site, who, found, inline_bytes);
        if (!taken) co_return fail(std::move(taken).error());
    }
    if (!all.empty()) {
        auto sound = version->validator->check(catalog::Side::input, values);
        if (!sound) co_return fail(std::move(sound).error());
    }
    jobs::Payload payload;
    catalog::for_each_media(std::as_const(values), [&](std::string_view, const Media& media) {
        if (const auto* blob = std::get_if<catalog::BlobSource>(&media.source)) {
            payload.media.push_back({blob->digest, media.size});
        }
    });
    payload.values = catalog::encode(values);
    if (durable && payload.values.size() > jobs::Payload::kInlineBytes) {
        auto spilled =
            co_await jobs::store_bytes(site.parts.blobs, who.tenant, std::move(payload.values));
        if (!spilled) co_return fail(std::move(spilled).error());
        payload.values.clear();
        payload.spilled = *spilled;
    }
    co_return payload;
}

}  // namespace headrace::protocols::native
