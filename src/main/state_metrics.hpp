#pragma once

#include <span>

#include "base/clock.hpp"
#include "jobs/worker_port.hpp"
#include "stores/sqlite/committer.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::main {

/// What is counted by looking, at each scrape: queues and workers; and what the committer tells.
class StateMetrics {
  public:
    explicit StateMetrics(telemetry::Registry& registry);

    void set_queues(std::span<const jobs::QueueView> queues, WallMs now);
    void set_workers(std::span<const jobs::WorkerView> workers);
    void set_connections(std::size_t client, std::size_t control);
    /// For one committer, whose thread calls it.
    stores::CommitObserver commit_observer();

  private:
    telemetry::Family<telemetry::Gauge>& queued_;
    telemetry::Family<telemetry::Gauge>& running_;
    telemetry::Family<telemetry::Gauge>& oldest_;
    telemetry::Family<telemetry::Gauge>& slots_;
    telemetry::Family<telemetry::Gauge>& free_slots_;
    telemetry::Family<telemetry::Gauge>& paused_;
    telemetry::Family<telemetry::Gauge>& workers_;
    telemetry::Family<telemetry::Gauge>& connections_;
    telemetry::Histogram& commit_writes_;
    telemetry::Histogram& commit_took_;
    telemetry::Counter& commits_failed_;
};

}  // namespace headrace::main
