#include "jobs/blob_io.hpp"

#include <utility>

#include "base/await.hpp"

namespace headrace::jobs {
namespace {

// A read or write of this size keeps memory small and calls few.
constexpr std::size_t kPieceBytes = 256 * 1024;

}  // namespace

// The starts hold what they need: nobody awaits these before their arguments are gone.
asio::awaitable<Result<void>> write_piece(BlobSink& sink, std::string piece) {
    auto start = [to = &sink, bytes = std::move(piece)](Done<void> done) mutable {
        to->write(std::move(bytes), std::move(done));
    };
    return await_result<void>(std::move(start));
}

asio::awaitable<Result<BlobRef>> finish_blob(BlobSink& sink) {
    auto start = [to = &sink](Done<BlobRef> done) { to->finish(true, std::move(done)); };
    return await_result<BlobRef>(start);
}

asio::awaitable<Result<std::unique_ptr<BlobSource>>> open_blob(BlobStore& store, TenantId tenant,
                                                               BlobRef blob) {
    using Source = std::unique_ptr<BlobSource>;
    auto start = [from = &store, of = std::move(tenant), blob](Done<Source> done) {
        from->open(of, blob, std::move(done));
    };
    return await_result<Source>(std::move(start));
}

asio::awaitable<Result<std::string>> read_piece(BlobSource& source, std::uint64_t offset,
                                                std::size_t count) {
    auto start = [from = &source, offset, count](Done<std::string> done) {
        from->read(offset, count, std::move(done));
    };
    return await_result<std::string>(start);
}

asio::awaitable<Result<BlobRef>> store_bytes(BlobStore& store, TenantId tenant, std::string bytes) {
    auto sink = store.create(tenant);
    if (!sink) co_return fail(std::move(sink).error());
    for (std::string_view rest = bytes; !rest.empty();) {
        std::string piece(rest.substr(0, kPieceBytes));
        rest.remove_prefix(piece.size());
        auto written = co_await write_piece(**sink, std::move(piece));
        if (!written) co_return fail(std::move(written).error());
    }
    auto stored = co_await finish_blob(**sink);
    co_return stored;
}

asio::awaitable<Result<std::string>> load_bytes(BlobStore& store, TenantId tenant, BlobRef blob,
                                                std::uint64_t most) {
    if (blob.size > most) co_return fail(ErrorCode::too_large, "a blob is too large to be loaded");
    auto source = co_await open_blob(store, std::move(tenant), blob);
    if (!source) co_return fail(std::move(source).error());
    std::string content;
    content.reserve(blob.size);
    while (content.size() < blob.size) {
        auto piece = co_await read_piece(**source, content.size(), kPieceBytes);
        if (!piece) co_return fail(std::move(piece).error());
        if (piece->empty()) co_return fail(ErrorCode::internal, "a blob ended before its size");
        content += *piece;
    }
    co_return content;
}

Result<BlobWriter> BlobWriter::open(BlobStore& store, const TenantId& tenant, std::uint64_t limit) {
    auto sink = store.create(tenant);
    if (!sink) return fail(std::move(sink).error());
    return BlobWriter(std::move(*sink), limit);
}

asio::awaitable<Result<void>> BlobWriter::write(std::string piece) {
    written_ += piece.size();
    if (written_ > limit_) {
        co_return fail(Error{ErrorCode::too_large,
                             "the content is larger than is allowed",
                             {{"", "max_bytes", std::to_string(limit_)}},
                             0});
    }
    co_return co_await write_piece(*sink_, std::move(piece));
}

asio::awaitable<Result<BlobRef>> BlobWriter::finish() {
    return finish_blob(*sink_);
}

}  // namespace headrace::jobs
