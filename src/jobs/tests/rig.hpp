#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "catalog/version.hpp"
#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "stores/memory/memory_job_log.hpp"
#include "stores/memory/virtual_time.hpp"

namespace headrace::jobs {

/// The other end of a worker, which only writes down what it is told.
class FakeWorker final : public WorkerPort {
  public:
    struct Cancelled {
        JobId job;
        CancelReason reason;
    };
    struct Input {
        JobId job;
        std::string values;
        bool last;
    };
    void lease(std::vector<GrantBatch> batches) override;
    void cancel(JobId job, Fence, CancelReason reason) override {
        cancels.push_back({job, reason});
    }
    void input(JobId job, Fence, std::string values, bool last) override {
        inputs.push_back({job, std::move(values), last});
    }
    void output_taken(JobId, Fence, std::uint64_t bytes) override { taken += bytes; }
    void drain(bool) override { drained = true; }
    void kill(std::string reason) override { killed = std::move(reason); }

    WorkerId id;
    std::vector<Grant> grants;                // all, in order
    std::vector<std::vector<JobId>> batches;  // the same, as they came
    std::vector<Cancelled> cancels;
    std::vector<Input> inputs;
    std::uint64_t taken = 0;
    bool drained = false;
    std::optional<std::string> killed;
};

/// Writes down events.
class FakeWatcher final : public JobWatcher {
  public:
    void on_event(const std::shared_ptr<const JobEvent>& event) override {
        events.push_back(event);
    }
    /// "queued0 running1 progress done:succeeded" and so on.
    [[nodiscard]] std::string story() const;
    std::vector<std::shared_ptr<const JobEvent>> events;
};

/// What the core told of the job that ended last.
struct FakeObserver final : CoreObserver {
    void job_measured(const JobRecord& job, const EndFacts& facts) override {
        ++measured;
        state = job.state;
        version = facts.version;
        input = facts.input;
        waited = facts.waited;
        first_output = facts.first_output;
        after_first = facts.after_first;
    }
    void job_output(const JobId&, const VersionPtr&, const OutputEvent& part) override {
        parts += part.values;
    }
    int measured = 0;
    std::string parts;
    JobState state = JobState::queued;
    VersionPtr version;
    std::shared_ptr<const Payload> input;
    std::chrono::nanoseconds waited{};
    std::optional<std::chrono::nanoseconds> first_output;
    std::chrono::nanoseconds after_first{};
};

/// A core on a virtual clock and disk.
struct Rig {
    explicit Rig(Settings with = {});

    /// Lets answers of the disk that are due arrive; time stands still.
    void settle();
    void advance(milliseconds by);
    /// kill -9 and a new start: what was not committed is gone.
    void restart();

    VersionPtr version(const std::string& name, catalog::ServingLimits limits = {});
    Submission durable(const VersionPtr& version, const std::string& tenant = "acme");
    Submission interactive(const VersionPtr& version, const std::string& tenant = "acme");
    Result<Accepted> try_submit(Submission submission);
    JobId submit(Submission submission);
    std::shared_ptr<FakeWorker> worker(std::vector<VersionPtr> versions, std::uint32_t slots = 1);
    void credit(const FakeWorker& worker, std::uint32_t slots = 1);

    const Grant& grant_of(const FakeWorker& worker, JobId job);
    Result<void> complete(const FakeWorker& worker, JobId job, const std::string& values = "out");
    Result<void> fail(const FakeWorker& worker, JobId job, bool retryable,
                      const std::string& code = "engine_failed");
    Result<JobView> get(JobId job, const std::string& tenant = "acme");
    JobState state(JobId job);
    Result<CancelOutcome> cancel(JobId job);
    std::shared_ptr<FakeWatcher> watch(JobId job, std::uint64_t after = 0);

    Settings settings;
    stores::VirtualTime time;
    IdSource ids{time, 11};
    stores::MemoryDisk disk;
    milliseconds disk_delay{0};
    bool disk_full = false;
    FakeObserver observer;
    std::vector<VersionPtr> versions;
    std::unique_ptr<stores::MemoryJobLog> log;
    std::unique_ptr<Core> core;

  private:
    void start();
};

}  // namespace headrace::jobs
