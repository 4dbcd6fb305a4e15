#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/secrets.hpp"
#include "jobs/job.hpp"
#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// /files and below: uploads in three ways, what is known of a file, its content with ranges.
class FileRoutes {
  public:
    explicit FileRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    /// A file as its reader may see it; not_found otherwise.
    asio::awaitable<Result<jobs::FileRecord>> find(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<void> content(http::Exchange& exchange);
    asio::awaitable<Reply> remove(http::Exchange& exchange);

    // uploads.cpp
    asio::awaitable<Reply> create(http::Exchange& exchange);
    asio::awaitable<Reply> promise(http::Exchange& exchange);
    asio::awaitable<Reply> put(http::Exchange& exchange);
    asio::awaitable<Result<jobs::FileRecord>> receive_raw(http::Exchange& exchange, TenantId tenant,
                                                          std::uint64_t limit);
    asio::awaitable<Result<jobs::FileRecord>> receive_form(http::Exchange& exchange,
                                                           TenantId tenant);
    asio::awaitable<Reply> keep(jobs::FileRecord file);

    Site& site_;
};

/// What a form adds around its one file.
inline constexpr std::size_t kFormOverhead = 64 * 1024;

/// {"id","size","sha256","content_type","name","created_at","expires_at"}
std::string file_json(const jobs::FileRecord& file);

}  // namespace headrace::protocols::native
