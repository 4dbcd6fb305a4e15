#include "workers/hub/blob_io.hpp"

#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace headrace::workers::hub {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;

/// Awaits a port's answer: `start` is called with the Done that ends the wait.
template <class T, class Start>
asio::awaitable<Result<T>> until_done(Start start) {
    auto begin = [](auto handler, Start begun) {
        begun(jobs::Done<T>([kept = std::move(handler)](Result<T> result) mutable {
            std::move(kept)(std::move(result));
        }));
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<T>)>(
        std::move(begin), asio::use_awaitable, std::move(start));
}

}  // namespace

asio::awaitable<Result<void>> write_piece(jobs::BlobSink& sink, std::string piece) {
    auto start = [to = &sink, bytes = std::move(piece)](jobs::Done<void> done) mutable {
        to->write(std::move(bytes), std::move(done));
    };
    return until_done<void>(std::move(start));
}

asio::awaitable<Result<jobs::BlobRef>> finish_blob(jobs::BlobSink& sink) {
    auto start = [to = &sink](jobs::Done<jobs::BlobRef> done) {
        to->finish(true, std::move(done));
    };
    return until_done<jobs::BlobRef>(std::move(start));
}

asio::awaitable<Result<std::unique_ptr<jobs::BlobSource>>> open_blob(jobs::BlobStore& store,
                                                                     TenantId tenant,
                                                                     jobs::BlobRef blob) {
    auto start = [from = &store, of = std::move(tenant),
                  blob](jobs::Done<std::unique_ptr<jobs::BlobSource>> done) {
        from->open(of, blob, std::move(done));
    };
    return until_done<std::unique_ptr<jobs::BlobSource>>(std::move(start));
}

asio::awaitable<Result<std::string>> read_piece(jobs::BlobSource& source, std::uint64_t offset,
                                                std::size_t count) {
    auto start = [from = &source, offset, count](jobs::Done<std::string> done) {
        from->read(offset, count, std::move(done));
    };
    return until_done<std::string>(std::move(start));
}

asio::awaitable<Result<jobs::BlobRef>> store_bytes(jobs::BlobStore& store, TenantId tenant,
                                                   std::string bytes) {
    auto sink = store.create(tenant);
    if (!sink) co_return fail(std::move(sink).error());
    for (std::size_t at = 0; at < bytes.size(); at += kPieceBytes) {
        std::string piece = bytes.substr(at, kPieceBytes);
        auto written = co_await write_piece(**sink, std::move(piece));
        if (!written) co_return fail(std::move(written).error());
    }
    auto stored = co_await finish_blob(**sink);
    co_return stored;
}

asio::awaitable<Result<std::string>> load_bytes(jobs::BlobStore& store, TenantId tenant,
                                                jobs::BlobRef blob, std::uint64_t most) {
    if (blob.size > most)
        co_return fail(ErrorCode::too_large, "a stored input is too large to be loaded");
    auto source = co_await open_blob(store, std::move(tenant), blob);
    if (!source) co_return fail(std::move(source).error());
    std::string all;
    while (all.size() < blob.size) {
        auto piece = co_await read_piece(**source, all.size(), kPieceBytes);
        if (!piece) co_return fail(std::move(piece).error());
        if (piece->empty()) break;
        all.append(*piece);
    }
    if (all.size() != blob.size) co_return fail(ErrorCode::internal, "a stored input is cut short");
    co_return all;
}

}  // namespace headrace::workers::hub
