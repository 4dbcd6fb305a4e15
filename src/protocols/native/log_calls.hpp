#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "jobs/ports.hpp"

/// The stores' callbacks as awaitables, on the calling loop.
namespace headrace::protocols::native {

namespace asio = boost::asio;

/// Writes one blob piece by piece, counting. Dropped before finish() it leaves nothing behind.
class BlobWriter {
  public:
    /// `limit`: bytes beyond which a piece is too_large.
    static Result<BlobWriter> open(jobs::BlobStore& store, const TenantId& tenant,
                                   std::uint64_t limit);
    asio::awaitable<Result<void>> write(std::string piece);
    /// Fsynced: what refers to it may be durable.
    asio::awaitable<Result<jobs::BlobRef>> finish();
    [[nodiscard]] std::uint64_t written() const { return written_; }

  private:
    BlobWriter(std::unique_ptr<jobs::BlobSink> sink, std::uint64_t limit)
        : sink_(std::move(sink)), limit_(limit) {}
    std::unique_ptr<jobs::BlobSink> sink_;
    std::uint64_t limit_;
    std::uint64_t written_ = 0;
};

asio::awaitable<Result<jobs::BlobRef>> store_bytes(jobs::BlobStore& store, TenantId tenant,
                                                   std::string bytes);
asio::awaitable<Result<std::unique_ptr<jobs::BlobSource>>> open_blob(jobs::BlobStore& store,
                                                                     TenantId tenant,
                                                                     jobs::BlobRef blob);
asio::awaitable<Result<std::string>> read_piece(jobs::BlobSource& source, std::uint64_t offset,
                                                std::size_t count);
asio::awaitable<Result<std::string>> read_blob(jobs::BlobStore& store, TenantId tenant,
                                               jobs::BlobRef blob);

asio::awaitable<Result<void>> put_file(jobs::JobLog& log, jobs::FileRecord file);
asio::awaitable<Result<std::optional<jobs::FileRecord>>> get_file(jobs::JobLog& log,
                                                                  TenantId tenant, FileId id);
asio::awaitable<Result<bool>> remove_file(jobs::JobLog& log, TenantId tenant, FileId id);
asio::awaitable<Result<std::vector<jobs::UsageRecord>>> list_usage(jobs::JobLog& log,
                                                                   jobs::UsageQuery query);

}  // namespace headrace::protocols::native
