#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "jobs/ports.hpp"

/// The blob store's calls as awaitables, on the calling loop.
namespace headrace::jobs {

namespace asio = boost::asio;

asio::awaitable<Result<void>> write_piece(BlobSink& sink, std::string piece);
/// Makes the blob visible and fsynced: what refers to it may be durable.
asio::awaitable<Result<BlobRef>> finish_blob(BlobSink& sink);
asio::awaitable<Result<std::unique_ptr<BlobSource>>> open_blob(BlobStore& store, TenantId tenant,
                                                               BlobRef blob);
asio::awaitable<Result<std::string>> read_piece(BlobSource& source, std::uint64_t offset,
                                                std::size_t count);

/// Stores bytes that are in memory.
asio::awaitable<Result<BlobRef>> store_bytes(BlobStore& store, TenantId tenant, std::string bytes);
/// The whole of a blob; too_large when it has more than `most` bytes.
asio::awaitable<Result<std::string>> load_bytes(BlobStore& store, TenantId tenant, BlobRef blob,
                                                std::uint64_t most);

/// Writes one blob piece by piece, counting. Dropped before finish() it leaves nothing behind.
class BlobWriter {
  public:
    /// `limit`: bytes beyond which a piece is too_large.
    static Result<BlobWriter> open(BlobStore& store, const TenantId& tenant, std::uint64_t limit);
    asio::awaitable<Result<void>> write(std::string piece);
    /// As finish_blob().
    asio::awaitable<Result<BlobRef>> finish();
    [[nodiscard]] std::uint64_t written() const { return written_; }

  private:
    BlobWriter(std::unique_ptr<BlobSink> sink, std::uint64_t limit)
        : sink_(std::move(sink)), limit_(limit) {}
    std::unique_ptr<BlobSink> sink_;
    std::uint64_t limit_;
    std::uint64_t written_ = 0;
};

}  // namespace headrace::jobs
