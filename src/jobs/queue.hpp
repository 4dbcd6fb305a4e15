#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "jobs/lane.hpp"
#include "jobs/live_job.hpp"

namespace headrace::jobs {

struct Pool;

/// A tenant as far as jobs are concerned. Kept for good: there are few.
struct Tenant {
    TenantId id;
};

/// What is bounded: all queued jobs of one capability, over its versions.
struct Capability {
    std::uint64_t queued = 0;  // with those whose accept write is under way
};

/// Jobs of one queue that may share a slot, or those that must run alone.
class Line : public Timer {
  public:
    Line(Queue& queue, bool alone) : Timer(TimerKind::line), queue_(queue), alone_(alone) {}

    /// The lane of a tenant, made on first use and kept.
    Lane& lane_of(Tenant& tenant);
    [[nodiscard]] const std::vector<std::unique_ptr<Lane>>& lanes() const { return lanes_; }
    [[nodiscard]] Queue& queue() const { return queue_; }
    [[nodiscard]] bool alone() const { return alone_; }

    void push(Job& job);
    void erase(Job& job);
    [[nodiscard]] std::uint32_t size() const { return size_; }
    /// Tenants that have jobs here.
    [[nodiscard]] std::uint32_t busy_lanes() const { return busy_lanes_; }
    /// When the job that has waited longest was queued. O(lanes) once after it has left, else O(1).
    [[nodiscard]] SteadyTime oldest_since();

  private:
    Queue& queue_;
    bool alone_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::unordered_map<const Tenant*, Lane*> by_tenant_;  // never iterated
    Lane* last_used_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t busy_lanes_ = 0;
    bool oldest_known_ = false;
    SteadyTime oldest_{};
};

/// Moving averages over finished leases; negative = nothing known yet.
struct RunTimes {
    void add(double run, double slot);
    double run_s = -1;   // of one job
    double slot_s = -1;  // of a slot for one job: a batch shares its slot's time
    std::uint32_t samples = 0;
};

/// The queue of one version. `version` is null while the catalog does not have it; its jobs are
/// parked.
struct Queue {
    Queue(TenantId owner, std::string name, std::string semver);

    void set_version(VersionPtr newer);
    Line& line_of(const Job& job) { return job.leased_alone ? alone : together; }
    /// Where a queued job stands and how long it will take, from counters: README.md tells how.
    [[nodiscard]] QueuePlace place_of(const Job& job) const;
    /// Seconds until a place in a full queue is likely to be free: 1..600.
    [[nodiscard]] int seconds_to_room() const;
    /// What a lease of one job is charged before its time is known.
    [[nodiscard]] double estimated_cost() const {
        return times.slot_s > 0 ? times.slot_s : kFirstCost;
    }
    [[nodiscard]] bool leasable() const { return !paused && !purging; }

    static constexpr double kFirstCost = 0.05;  // seconds

    VersionPtr version;
    TenantId owner;  // of the capability; while parked, of the jobs
    std::string name;
    std::string semver;
    // From the version:
    std::uint32_t max_batch = 1;
    std::chrono::milliseconds max_wait{0};
    std::chrono::milliseconds run_timeout{0};
    std::chrono::milliseconds stall_timeout{0};
    std::chrono::milliseconds cancel_grace{0};

    Capability* capability = nullptr;
    Line together;
    Line alone;
    JobList parked;
    JobList pausing;
    Timer purge_timer{TimerKind::purge};
    std::vector<Pool*> pools;
    RunTimes times;
    double stamp_served = 0;            // share stamp of the job leased last
    std::optional<double> first_stamp;  // in the log, of the first job that was restored
    std::uint64_t queued = 0;
    std::uint64_t running = 0;
    std::uint64_t purge_before = 0;  // order of the first job that is not purged
    std::uint32_t workers = 0;
    std::uint32_t slots = 0;
    bool paused = false;
    bool draining = false;
    bool purging = false;
    bool unserved = false;  // nobody is left who could run its jobs: callers do not wait for it
};

}  // namespace headrace::jobs
