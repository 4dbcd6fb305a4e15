#include "protocols/openai/documents.hpp"

#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/wire_ids.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::uint64_t kMostBytes = 64ULL << 20;

}  // namespace

asio::awaitable<Result<void>> keep_document(Site& site, DocumentKey key, std::string text,
                                            std::int64_t keep_ms) {
    auto blob = co_await jobs::store_bytes(site.parts.blobs, key.tenant, std::move(text));
    if (!blob) co_return fail(std::move(blob).error());
    jobs::FileRecord file;
    file.id = FileId(key.id);
    file.tenant = std::move(key.tenant);
    file.owner = std::move(key.owner);
    file.blob = *blob;
    file.content_type = "application/json";
    file.purpose = key.purpose;
    file.created_at = site.parts.clock.wall();
    if (keep_ms > 0) file.expires_at = file.created_at + keep_ms;
    co_return co_await jobs::put_file(site.parts.log, std::move(file));
}

asio::awaitable<Result<std::optional<Document>>> find_document(Site& site,
                                                               const http::Exchange& exchange,
                                                               std::string_view prefix,
                                                               std::string wire_id,
                                                               std::string_view purpose) {
    const auto uuid = parse_wire_id(prefix, wire_id);
    if (!uuid) co_return std::nullopt;
    const auto& who = caller_of(exchange);
    auto file = co_await jobs::get_file(site.parts.log, who.tenant, FileId(*uuid));
    if (!file) co_return fail(std::move(file).error());
    const auto owner = access::seen_caller(who);
    if (!*file || (*file)->purpose != purpose || (owner && (*file)->owner != *owner)) {
        co_return std::nullopt;
    }
    auto text = co_await jobs::load_bytes(site.parts.blobs, who.tenant, (*file)->blob, kMostBytes);
    if (!text) co_return fail(std::move(text).error());
    Document document;
    document.file = std::move(**file);
    document.text = std::move(*text);
    co_return std::optional<Document>(std::move(document));
}

}  // namespace headrace::protocols::openai
