#pragma once

#include <boost/asio/awaitable.hpp>

#include "jobs/job.hpp"
#include "protocols/openai/form.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// /files and below. A file is a file of the native API that was given a purpose; those without
/// one are not there for this dialect.
class FileRoutes {
  public:
    explicit FileRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> create(http::Exchange& exchange);
    asio::awaitable<Reply> list(http::Exchange& exchange);
    asio::awaitable<Reply> get(http::Exchange& exchange);
    asio::awaitable<Reply> remove(http::Exchange& exchange);
    asio::awaitable<void> content(http::Exchange& exchange);

    Site& site_;
};

/// The object `file`.
std::string file_object(const jobs::FileRecord& file);

/// A file that the caller of this exchange may see, by its id on this wire; not_found otherwise.
asio::awaitable<Result<jobs::FileRecord>> find_file(Site& site, const http::Exchange& exchange,
                                                    std::string id);

}  // namespace headrace::protocols::openai
