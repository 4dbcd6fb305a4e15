#include "protocols/native/blobs.hpp"

#include "base/await.hpp"

namespace headrace::protocols::native {
namespace {

template <class T>
using Answer = UniqueFunction<void(Result<T>)>;

// A read or write of this size keeps memory small and system calls few.
constexpr std::size_t kPiece = 256 * 1024;

}  // namespace

Result<BlobWriter> BlobWriter::open(jobs::BlobStore& store, const TenantId& tenant,
                                    std::uint64_t limit) {
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
    auto start = [this, &piece](Answer<void> done) {
        sink_->write(std::move(piece), std::move(done));
    };
    co_return co_await await_result<void>(start);
}

asio::awaitable<Result<jobs::BlobRef>> BlobWriter::finish() {
    auto start = [this](Answer<jobs::BlobRef> done) { sink_->finish(true, std::move(done)); };
    co_return co_await await_result<jobs::BlobRef>(start);
}

asio::awaitable<Result<jobs::BlobRef>> store_bytes(jobs::BlobStore& store, TenantId tenant,
                                                   std::string bytes) {
    auto writer = BlobWriter::open(store, tenant, bytes.size());
    if (!writer) co_return fail(std::move(writer).error());
    auto written = co_await writer->write(std::move(bytes));
    if (!written) co_return fail(std::move(written).error());
    co_return co_await writer->finish();
}

asio::awaitable<Result<std::unique_ptr<jobs::BlobSource>>> open_blob(jobs::BlobStore& store,
                                                                     TenantId tenant,
                                                                     jobs::BlobRef blob) {
    using Source = std::unique_ptr<jobs::BlobSource>;
    auto start = [&](Answer<Source> done) { store.open(tenant, blob, std::move(done)); };
    co_return co_await await_result<Source>(start);
}

asio::awaitable<Result<std::string>> read_piece(jobs::BlobSource& source, std::uint64_t offset,
                                                std::size_t count) {
    auto start = [&](Answer<std::string> done) { source.read(offset, count, std::move(done)); };
    co_return co_await await_result<std::string>(start);
}

asio::awaitable<Result<std::string>> read_blob(jobs::BlobStore& store, TenantId tenant,
                                               jobs::BlobRef blob) {
    auto source = co_await open_blob(store, std::move(tenant), blob);
    if (!source) co_return fail(std::move(source).error());
    std::string content;
    content.reserve((*source)->size());
    while (content.size() < (*source)->size()) {
        auto piece = co_await read_piece(**source, content.size(), kPiece);
        if (!piece) co_return fail(std::move(piece).error());
        if (piece->empty()) co_return fail(ErrorCode::internal, "a blob ended before its size");
        content += *piece;
    }
    co_return content;
}

asio::awaitable<Result<void>> put_file(jobs::JobLog& log, jobs::FileRecord file) {
    auto start = [&](Answer<void> done) { log.put_file(std::move(file), std::move(done)); };
    co_return co_await await_result<void>(start);
}

asio::awaitable<Result<std::optional<jobs::FileRecord>>> get_file(jobs::JobLog& log,
                                                                  TenantId tenant, FileId id) {
    using Found = std::optional<jobs::FileRecord>;
    auto start = [&](Answer<Found> done) { log.get_file(tenant, id, std::move(done)); };
    co_return co_await await_result<Found>(start);
}

asio::awaitable<Result<bool>> remove_file(jobs::JobLog& log, TenantId tenant, FileId id) {
    auto start = [&](Answer<bool> done) { log.remove_file(tenant, id, std::move(done)); };
    co_return co_await await_result<bool>(start);
}

asio::awaitable<Result<std::vector<jobs::UsageRecord>>> list_usage(jobs::JobLog& log,
                                                                   jobs::UsageQuery query) {
    using Records = std::vector<jobs::UsageRecord>;
    auto start = [&](Answer<Records> done) { log.usage(std::move(query), std::move(done)); };
    co_return co_await await_result<Records>(start);
}

}  // namespace headrace::protocols::native
