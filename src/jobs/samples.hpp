#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "jobs/job.hpp"
#include "jobs/worker_port.hpp"
#include "telemetry/log_histogram.hpp"

namespace headrace::jobs {

/// Since the start of the server.
struct JobTotals {
    std::uint64_t accepted = 0;
    std::array<std::uint64_t, 6> ended{};  // by JobState
    std::uint64_t dead = 0;                // of the failed ones
    void add(const JobTotals& other);
    [[nodiscard]] std::uint64_t ended_as(JobState state) const {
        return ended[static_cast<std::size_t>(state)];
    }
    [[nodiscard]] std::uint64_t finished() const;
};

/// What the process itself uses.
struct ProcessLoad {
    std::uint64_t memory_bytes = 0;
    float cpu_percent = 0;  // of one processor
};

/// One step of the series. Times in milliseconds; negative where nothing was counted.
struct Sample {
    float accepted = 0;  // per second
    float finished = 0;
    float failed = 0;  // failed or expired
    std::uint32_t queued = 0;
    std::uint32_t running = 0;
    float wait_p50 = -1;
    float wait_p99 = -1;
    float run_p50 = -1;
    float run_p99 = -1;
    ProcessLoad process;  // of the whole server's series only
};

/// What one version did for one tenant (or for all) in the last minute.
struct FlowView {
    std::string capability;
    std::string version;
    double rate = 0;  // jobs ended per second
    double p50_ms = -1;
    double p99_ms = -1;
};

/// What happened lately, by tenant, for those who look at it: an hour in steps of five seconds.
///
/// Counting a job costs a comparison where it is its tenant's turn again, and a few additions; no
/// lock, no allocation but for the first job of a flow. Everything else is done once a step. Memory
/// is bounded: beyond kTenants and kFlows what comes new is counted for the whole server alone,
/// until an idle one gives way. Pure; belongs to the core's loop.
class Samples {
  public:
    static constexpr std::chrono::seconds kStep{5};
    static constexpr std::size_t kSteps = 720;
    static constexpr std::size_t kRateSteps = 12;  // of FlowView
    static constexpr std::size_t kTenants = 64;
    static constexpr std::size_t kFlows = 512;

    void accepted(const JobRecord& job) { ++flow_of(job).totals.accepted; }
    void started(const JobRecord& job, std::chrono::nanoseconds waited) {
        flow_of(job).wait.add(waited);
    }
    void ended(const JobRecord& job, std::chrono::nanoseconds ran);

    /// Every kStep: `took` since the last call, and what is there now.
    void close_step(std::chrono::nanoseconds took, std::span<const TenantLoad> load,
                    ProcessLoad process = {});

    /// The last `count` steps that are closed, oldest first. A null tenant: the whole server.
    [[nodiscard]] std::vector<Sample> series(const TenantId* tenant, std::size_t count) const;
    [[nodiscard]] JobTotals totals(const TenantId* tenant) const;
    /// By capability and version.
    [[nodiscard]] std::vector<FlowView> flows(const TenantId* tenant) const;

  private:
    struct Minute {
        std::uint32_t ended = 0;
        telemetry::LogHistogram run;
    };
    struct Flow {
        JobTotals totals;          // of the open step
        std::uint64_t active = 0;  // number of the step in which it was last used
        telemetry::LogHistogram wait;
        telemetry::LogHistogram run;
        std::array<Minute, kRateSteps> minute;
    };
    /// Tenant, capability, version.
    using Key = std::tuple<std::string, std::string, std::string>;
    using Seen = std::tuple<std::string_view, std::string_view, std::string_view>;
    struct ByText {  // both the hash and the comparison
        using is_transparent = void;
        bool operator()(const Seen& a, const Seen& b) const { return a == b; }
        std::size_t operator()(const Seen& key) const {
            const std::hash<std::string_view> hash;
            const auto& [tenant, capability, version] = key;
            return (hash(tenant) * 31 + hash(capability)) * 31 + hash(version);
        }
    };
    /// The sum of some flows.
    struct Tally {
        JobTotals before;  // the open step
        JobTotals open;
        telemetry::LogHistogram wait;
        telemetry::LogHistogram run;
        std::uint64_t queued = 0;
        std::uint64_t running = 0;
        std::vector<Sample> ring;  // kSteps of them, once made
        std::size_t steps = 0;     // closed in all
        std::uint64_t active = 0;

        void take(const Flow& flow);
        void close(double seconds, ProcessLoad process);
    };

    /// The flow that a version's jobs were counted in last.
    struct Seat {
        std::string tenant;
        Flow* flow = nullptr;
    };

    Flow& flow_of(const JobRecord& job);
    Flow& find_flow(const Seen& key);
    /// Null when there are too many.
    Tally* tenant_of(const std::string& name);
    [[nodiscard]] const Tally* tally(const TenantId* tenant) const;

    std::unordered_map<Key, Flow, ByText, ByText> flows_;
    std::map<std::string, Tally, std::less<>> tenants_;
    Flow other_;  // of those that found no room
    Tally all_;
    std::vector<Seat> seats_;  // by number of the version: no look-up while its tenant stays
    std::uint64_t step_ = 0;
    bool full_ = false;  // no flow could give way in this step
};

}  // namespace headrace::jobs
