#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/loop.hpp"
#include "jobs/ports.hpp"

/// The blob store's calls as coroutines.
namespace headrace::workers::hub {

asio::awaitable<Result<void>> write_piece(jobs::BlobSink& sink, std::string piece);
/// Makes the blob visible, fsynced.
asio::awaitable<Result<jobs::BlobRef>> finish_blob(jobs::BlobSink& sink);
asio::awaitable<Result<std::unique_ptr<jobs::BlobSource>>> open_blob(jobs::BlobStore& store,
                                                                     TenantId tenant,
                                                                     jobs::BlobRef blob);
asio::awaitable<Result<std::string>> read_piece(jobs::BlobSource& source, std::uint64_t offset,
                                                std::size_t count);

/// Stores bytes that are in memory.
asio::awaitable<Result<jobs::BlobRef>> store_bytes(jobs::BlobStore& store, TenantId tenant,
                                                   std::string bytes);
/// The whole of a blob; too_large beyond `most`.
asio::awaitable<Result<std::string>> load_bytes(jobs::BlobStore& store, TenantId tenant,
                                                jobs::BlobRef blob, std::uint64_t most);

}  // namespace headrace::workers::hub
