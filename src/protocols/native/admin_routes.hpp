#pragma once

#include <memory>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "catalog/version.hpp"
#include "jobs/ports.hpp"
#include "jobs/worker_port.hpp"
#include "protocols/native/parts.hpp"
#include "protocols/native/route_list.hpp"

namespace headrace::protocols::native {

/// Workers, queues, dead letters, usage, settings: what operators see and do, on the control door.
class AdminRoutes {
  public:
    explicit AdminRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> list_workers(http::Exchange& exchange);
    asio::awaitable<Reply> get_worker(http::Exchange& exchange);
    asio::awaitable<Reply> drain_worker(http::Exchange& exchange);
    asio::awaitable<Reply> remove_worker(http::Exchange& exchange);
    asio::awaitable<Reply> list_queues(http::Exchange& exchange);
    asio::awaitable<Reply> pause(http::Exchange& exchange);
    asio::awaitable<Reply> resume(http::Exchange& exchange);
    asio::awaitable<Reply> drain_queue(http::Exchange& exchange);
    asio::awaitable<Reply> purge(http::Exchange& exchange);
    asio::awaitable<Reply> dead_letters(http::Exchange& exchange);
    asio::awaitable<Reply> replay(http::Exchange& exchange);
    asio::awaitable<Reply> usage(http::Exchange& exchange);
    asio::awaitable<Reply> usage_summary(http::Exchange& exchange);
    Result<jobs::UsageQuery> usage_query(const http::Exchange& exchange) const;
    asio::awaitable<Reply> config(http::Exchange& exchange);
    asio::awaitable<Reply> reload(http::Exchange& exchange);

    asio::awaitable<Result<jobs::WorkerView>> find_worker(http::Exchange& exchange);
    asio::awaitable<Reply> end_worker(http::Exchange& exchange, bool remove);
    Result<catalog::VersionPtr> managed_version(http::Exchange& exchange) const;
    asio::awaitable<Reply> queue_reply(const access::Principal& who, catalog::VersionPtr version);

    Site& site_;
};

}  // namespace headrace::protocols::native
