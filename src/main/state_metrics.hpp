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
    void set_low_disk(bool low);
    /// Whether changes that other servers make to the catalog are heard of.
    void set_catalog_heard(bool heard);
    /// On the core's loop.
    void blobs_removed(std::uint64_t count, std::uint64_t bytes);
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
    telemetry::Gauge& low_disk_;
    telemetry::Gauge& catalog_heard_;
    telemetry::Counter& blobs_removed_;
    telemetry::Counter& blob_bytes_removed_;
    telemetry::Histogram& commit_writes_;
    telemetry::Histogram& commit_took_;
    telemetry::Counter& commits_failed_;
};

}  // namespace headrace::main
