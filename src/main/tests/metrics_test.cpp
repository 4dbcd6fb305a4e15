#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "main/job_metrics.hpp"
#include "main/state_metrics.hpp"

namespace headrace::main {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

jobs::JobRecord job(std::string tenant, std::string capability) {
    jobs::JobRecord out;
    out.tenant = TenantId(std::move(tenant));
    out.capability = std::move(capability);
    out.version = "1.0.0";
    out.created_at = 1'000;
    out.started_at = 1'500;
    out.attempt = 1;
    out.attempts.push_back({1, "w", {}, 1'500, 3'500, "succeeded"});
    out.state = jobs::JobState::succeeded;
    return out;
}

TEST(JobMetrics, AJobIsCountedWithItsWaitAndItsRun) {
    telemetry::Registry registry;
    JobMetrics metrics(registry, 10);
    const auto one = job("a", "echo");
    metrics.job_accepted(one);
    metrics.job_started(one, "w", 500ms);
    metrics.job_ended(one, 2s);
    auto other = job("a", "ocr");
    other.state = jobs::JobState::failed;
    metrics.job_requeued(other, "lost");
    metrics.job_ended(other, 1s);
    metrics.refused("echo", ErrorCode::quota_exceeded);
    const auto text = registry.render();
    EXPECT_THAT(
        text,
        HasSubstr(R"(jobs_accepted_total{capability="echo",version="1.0.0",class="durable"} 1)"));
    EXPECT_THAT(
        text,
        HasSubstr(R"(jobs_ended_total{capability="echo",version="1.0.0",state="succeeded"} 1)"));
    EXPECT_THAT(
        text, HasSubstr(R"(jobs_ended_total{capability="ocr",version="1.0.0",state="failed"} 1)"));
    EXPECT_THAT(text, HasSubstr(R"(jobs_requeued_total{capability="ocr",version="1.0.0"} 1)"));
    EXPECT_THAT(text, HasSubstr(R"(jobs_refused_total{code="quota_exceeded"} 1)"));
    EXPECT_THAT(text, HasSubstr(R"(job_queue_seconds_sum{capability="echo",version="1.0.0"} 0.5)"));
    EXPECT_THAT(text, HasSubstr(R"(job_run_seconds_sum{capability="echo",version="1.0.0"} 2)"));
}

TEST(JobMetrics, TenantsBeyondTheCapShareOneSeries) {
    telemetry::Registry registry;
    JobMetrics metrics(registry, 1);
    for (const auto* tenant : {"a", "b", "c", "a", "b"}) metrics.job_ended(job(tenant, "echo"), 1s);
    const auto text = registry.render();
    EXPECT_THAT(text, HasSubstr(R"(tenant_jobs_ended_total{tenant="a"} 2)"));
    EXPECT_THAT(text, HasSubstr(R"(tenant_jobs_ended_total{tenant="other"} 3)"));
    EXPECT_THAT(text, Not(HasSubstr(R"(tenant="b")")));
}

TEST(StateMetrics, CommitsAndSweepsAreCounted) {
    telemetry::Registry registry;
    StateMetrics metrics(registry);
    auto observer = metrics.commit_observer();
    observer(3, std::chrono::microseconds(2'000), true);
    observer(1, std::chrono::microseconds(1'000), false);
    metrics.blobs_removed(2, 100);
    const auto text = registry.render();
    EXPECT_THAT(text, HasSubstr("headrace_commit_writes_count 2\n"));
    EXPECT_THAT(text, HasSubstr("headrace_commit_seconds_sum 0.003\n"));
    EXPECT_THAT(text, HasSubstr("headrace_commits_failed_total 1\n"));
    EXPECT_THAT(text, HasSubstr("headrace_blob_bytes_removed_total 100\n"));
}

}  // namespace
}  // namespace headrace::main
