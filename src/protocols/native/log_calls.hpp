#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "jobs/ports.hpp"

/// The job log's callbacks as awaitables, on the calling loop.
namespace headrace::protocols::native {

namespace asio = boost::asio;

/// Null when it was removed, or never was written down.
asio::awaitable<Result<std::shared_ptr<const jobs::Payload>>> load_input(jobs::JobLog& log,
                                                                         TenantId tenant, JobId id);
asio::awaitable<Result<void>> put_file(jobs::JobLog& log, jobs::FileRecord file);
asio::awaitable<Result<std::optional<jobs::FileRecord>>> get_file(jobs::JobLog& log,
                                                                  TenantId tenant, FileId id);
asio::awaitable<Result<bool>> remove_file(jobs::JobLog& log, TenantId tenant, FileId id);
asio::awaitable<Result<std::vector<jobs::UsageRecord>>> list_usage(jobs::JobLog& log,
                                                                   jobs::UsageQuery query);

}  // namespace headrace::protocols::native
