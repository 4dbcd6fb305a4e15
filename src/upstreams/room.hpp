#pragma once
// Internal: what the pools share.

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/task_group.hpp"
#include "upstreams/upstream_metrics.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::upstreams {

class PoolWorker;
struct Server;

/// Owned by Upstreams; outlives every pool, server and job on its way.
struct Room {
    Room(Parts parts_, Settings settings_)
        : parts(parts_),
          settings(settings_),
          metrics(parts.metrics),
          tasks(parts.loop.io().get_executor()) {}

    Parts parts;
    Settings settings;
    UpstreamMetrics metrics;
    std::map<Kind, std::unique_ptr<Dialer>> dialers;
    std::map<std::uint64_t, PoolWorker*> waiting;  // pools with jobs that wait, by their number
    std::uint64_t pools = 0;                       // that were ever made
    std::uint64_t uses = 0;         // numbers the calls, so that equals take turns
    bool stopping = false;
    TaskGroup tasks;

    [[nodiscard]] SteadyTime now() const { return parts.clock.now(); }
    /// A server has room again, or is up again: jobs that waited for it go on, credit follows.
    void eased(Server& server);
};

}  // namespace headrace::upstreams
