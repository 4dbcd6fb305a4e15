#include "main/state_metrics.hpp"

#include "catalog/version.hpp"

namespace headrace::main {
namespace {

const std::vector<std::string> kVersion{"capability", "version"};

}  // namespace

StateMetrics::StateMetrics(telemetry::Registry& registry)
    : queued_(registry.gauge("headrace_queue_jobs", "Jobs in the queue.", kVersion)),
      running_(registry.gauge("headrace_running_jobs", "Jobs that are running.", kVersion)),
      oldest_(registry.gauge("headrace_queue_oldest_seconds", "Age of the oldest queued job.",
                             kVersion)),
      slots_(registry.gauge("headrace_slots", "Slots that workers offer.", kVersion)),
      free_slots_(registry.gauge("headrace_free_slots", "Slots without a job.", kVersion)),
      paused_(registry.gauge("headrace_queue_paused", "1 where the queue is paused.", kVersion)),
      workers_(registry.gauge("headrace_workers", "Workers by state.", {"state"})),
      connections_(
          registry.gauge("headrace_http_connections", "Open connections of a door.", {"door"})),
      low_disk_(registry
                    .gauge("headrace_low_disk",
                           "1 while free space is below the mark and nothing new is taken.")
                    .cell()),
      catalog_heard_(
          registry
              .gauge("headrace_catalog_heard",
                     "0 while changes that other servers make to keys, accounts and upstreams "
                     "are not heard of.")
              .cell()),
      blobs_removed_(registry
                         .counter("headrace_blobs_removed_total",
                                  "Blobs removed because nothing referred to them.")
                         .cell()),
      blob_bytes_removed_(
          registry
              .counter("headrace_blob_bytes_removed_total", "Bytes of the blobs that were removed.")
              .cell()),
      commit_writes_(registry
                         .histogram("headrace_commit_writes", "Changes that shared one commit.", {},
                                    telemetry::kCounts)
                         .cell()),
      commit_took_(registry
                       .histogram("headrace_commit_seconds",
                                  "Time of one commit of the job log, with its sync to disk.")
                       .cell()),
      commits_failed_(
          registry.counter("headrace_commits_failed_total", "Commits that were rolled back.")
              .cell()) {}

void StateMetrics::set_queues(std::span<const jobs::QueueView> queues, WallMs now) {
    using Series = std::vector<std::pair<telemetry::LabelValues, double>>;
    Series queued, running, oldest, slots, free_slots, paused;
    for (const auto& queue : queues) {
        const telemetry::LabelValues labels{queue.version->name, queue.version->semver.text()};
        queued.emplace_back(labels, static_cast<double>(queue.queued));
        running.emplace_back(labels, static_cast<double>(queue.running));
        const auto age = queue.oldest_queued_at > 0 ? now - queue.oldest_queued_at : 0;
        oldest.emplace_back(labels, static_cast<double>(std::max<WallMs>(age, 0)) / 1000);
        slots.emplace_back(labels, queue.slots);
        free_slots.emplace_back(labels, queue.free_slots);
        paused.emplace_back(labels, queue.paused ? 1 : 0);
    }
    queued_.replace(queued);
    running_.replace(running);
    oldest_.replace(oldest);
    slots_.replace(slots);
    free_slots_.replace(free_slots);
    paused_.replace(paused);
}

void StateMetrics::set_workers(std::span<const jobs::WorkerView> workers) {
    std::vector<std::pair<telemetry::LabelValues, double>> series;
    // States nobody is in are told as 0, so that a rule on "lost" has a series from the start.
    for (const auto* state : {"loading", "ready", "busy", "draining", "lost"})
        series.push_back({{state}, 0});
    for (const auto& worker : workers) series.push_back({{worker.state}, 1});
    workers_.replace(series);
}

void StateMetrics::set_connections(std::size_t client, std::size_t control) {
    connections_.replace(
        {{{"client"}, static_cast<double>(client)}, {{"control"}, static_cast<double>(control)}});
}

void StateMetrics::set_low_disk(bool low) {
    low_disk_.set(low ? 1 : 0);
}

void StateMetrics::set_catalog_heard(bool heard) {
    catalog_heard_.set(heard ? 1 : 0);
}

void StateMetrics::blobs_removed(std::uint64_t count, std::uint64_t bytes) {
    blobs_removed_.add(count);
    blob_bytes_removed_.add(bytes);
}

stores::CommitObserver StateMetrics::commit_observer() {
    return [this](std::size_t writes, std::chrono::microseconds took, bool stored) {
        commit_writes_.observe(static_cast<double>(writes));
        commit_took_.observe(std::chrono::duration<double>(took).count());
        if (!stored) commits_failed_.add();
    };
}

}  // namespace headrace::main
