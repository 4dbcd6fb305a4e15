#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "http/server.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::main {

/// Counts and times the requests of the doors, by route and status, and writes the access log.
/// Every loop has its own cells, found by the address of the route.
class HttpMetrics {
  public:
    HttpMetrics(telemetry::Registry& registry, std::span<Loop* const> loops);
    /// What a door calls at the end of each exchange. This object outlives the door.
    http::Observer observer(std::string door);

  private:
    struct Route {
        telemetry::Histogram* took = nullptr;
        std::vector<std::pair<int, telemetry::Counter*>> by_status;
    };
    using Routes = std::unordered_map<const http::Route*, Route>;
    struct Door {
        std::string name;
        std::vector<Routes> by_loop;  // as loops_
    };
    void observe(Door& door, const http::Exchange& exchange, std::chrono::nanoseconds took);

    telemetry::Family<telemetry::Counter>& requests_;
    telemetry::Family<telemetry::Histogram>& took_;
    std::vector<const Loop*> loops_;
    std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace headrace::main
