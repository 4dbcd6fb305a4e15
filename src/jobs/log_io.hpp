#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "jobs/ports.hpp"

/// The job log's callbacks as awaitables, on the calling loop.
namespace headrace::jobs {

namespace asio = boost::asio;

/// Null when it was removed, or never was written down.
asio::awaitable<Result<std::shared_ptr<const Payload>>> load_input(JobLog& log, TenantId tenant,
                                                                   JobId id);
asio::awaitable<Result<void>> put_file(JobLog& log, FileRecord file);
asio::awaitable<Result<std::optional<FileRecord>>> get_file(JobLog& log, TenantId tenant,
                                                            FileId id);
asio::awaitable<Result<std::vector<FileRecord>>> list_files(JobLog& log, FileQuery query);
asio::awaitable<Result<bool>> remove_file(JobLog& log, TenantId tenant, FileId id);
asio::awaitable<Result<std::vector<UsageRecord>>> list_usage(JobLog& log, UsageQuery query);

}  // namespace headrace::jobs
