// What is kept for those who look: samples by step and tenant, and state changes.
#include <gtest/gtest.h>

#include "jobs/activity.hpp"
#include "stores/memory/virtual_time.hpp"

namespace headrace::jobs {
namespace {

using namespace std::chrono_literals;

JobRecord job(const std::string& tenant, JobState state = JobState::succeeded,
              const std::string& capability = "echo") {
    JobRecord out;
    out.tenant = TenantId(tenant);
    out.capability = capability;
    out.version = "1.0.0";
    out.state = state;
    return out;
}

/// One job, from its acceptance to its end.
void pass(Samples& samples, const JobRecord& one, std::chrono::nanoseconds waited = 2ms,
          std::chrono::nanoseconds ran = 10ms) {
    samples.accepted(one);
    samples.started(one, waited);
    samples.ended(one, ran);
}

TEST(Samples, AVersionIsKnownByItsNumberAndItsTenantsStayApart) {
    Samples samples;
    const auto numbered = [](const std::string& tenant, std::uint32_t number) {
        auto out = job(tenant, JobState::succeeded, "model-" + std::to_string(number));
        out.version_id = number;
        return out;
    };
    for (int i = 0; i < 3; ++i) {
        pass(samples, numbered("acme", 7));
        pass(samples, numbered("other", 7));
        pass(samples, numbered("acme", 2));
    }
    auto unnumbered = numbered("acme", 7);
    unnumbered.version_id = 0;
    pass(samples, unnumbered);
    const TenantId acme("acme"), other("other");
    EXPECT_EQ(samples.totals(&acme).finished(), 7U);
    EXPECT_EQ(samples.totals(&other).finished(), 3U);
    samples.close_step(5s, {});
    const auto flows = samples.flows(&acme);
    ASSERT_EQ(flows.size(), 2U);
    EXPECT_EQ(flows[0].capability, "model-2");
    EXPECT_NEAR(flows[0].rate, 3 / 5.0, 1e-9);
    EXPECT_NEAR(flows[1].rate, 4 / 5.0, 1e-9);
}

/// Beyond kFlows nothing is lost of the whole, and a flow that gave way is not counted into.
TEST(Samples, MoreVersionsThanFlowsAreCountedForTheServerAndFindRoomLater) {
    Samples samples;
    const auto numbered = [](std::uint32_t number) {
        auto out = job("acme", JobState::succeeded, "model-" + std::to_string(number));
        out.version_id = number;
        return out;
    };
    constexpr auto kMany = static_cast<std::uint32_t>(Samples::kFlows) + 10;
    for (std::uint32_t i = 1; i <= kMany; ++i) pass(samples, numbered(i));
    const TenantId acme("acme");
    EXPECT_EQ(samples.totals(nullptr).finished(), kMany);
    EXPECT_EQ(samples.totals(&acme).finished(), Samples::kFlows);
    // All but the last ones idle until they show nothing; then those have flows of their own.
    for (std::size_t i = 0; i < Samples::kRateSteps + 2; ++i) samples.close_step(5s, {});
    for (int i = 0; i < 2; ++i) pass(samples, numbered(kMany));
    pass(samples, numbered(1));
    samples.close_step(5s, {});
    EXPECT_EQ(samples.totals(nullptr).finished(), kMany + 3);
    EXPECT_EQ(samples.totals(&acme).finished(), Samples::kFlows + 3);
}

TEST(Samples, ATenantSeesItsOwnAndTheServerAll) {
    Samples samples;
    const TenantId acme("acme"), other("other"), nobody("nobody");
    for (int i = 0; i < 10; ++i) pass(samples, job("acme"));
    for (int i = 0; i < 5; ++i) pass(samples, job("other", JobState::failed), 1s, 100ms);
    const std::vector<TenantLoad> load{{acme, "echo", "1.0.0", 3, 1, 0},
                                       {other, "ocr", "2.0.0", 4, 2, 0}};
    samples.close_step(5s, load);
    const auto own = samples.series(&acme, 100);
    ASSERT_EQ(own.size(), 1U);
    EXPECT_FLOAT_EQ(own[0].accepted, 2);
    EXPECT_FLOAT_EQ(own[0].finished, 2);
    EXPECT_FLOAT_EQ(own[0].failed, 0);
    EXPECT_EQ(own[0].queued, 3U);
    EXPECT_EQ(own[0].running, 1U);
    EXPECT_NEAR(own[0].run_p99, 10, 2);
    EXPECT_NEAR(own[0].wait_p50, 2, 0.5);
    const auto all = samples.series(nullptr, 100);
    EXPECT_FLOAT_EQ(all[0].finished, 3);
    EXPECT_FLOAT_EQ(all[0].failed, 1);
    EXPECT_EQ(all[0].queued, 7U);
    EXPECT_NEAR(all[0].run_p50, 10, 2);
    EXPECT_NEAR(all[0].run_p99, 100, 20) << "histograms of tenants add up";
    const auto none = samples.series(&nobody, 100);
    ASSERT_EQ(none.size(), 1U);
    EXPECT_FLOAT_EQ(none[0].accepted, 0);
    EXPECT_LT(none[0].run_p50, 0);
    EXPECT_EQ(samples.totals(&other).ended_as(JobState::failed), 5U);
    EXPECT_EQ(samples.totals(&acme).accepted, 10U);
    EXPECT_EQ(samples.totals(nullptr).finished(), 15U);
    EXPECT_EQ(samples.totals(&nobody).accepted, 0U);
}

TEST(Samples, TotalsDoNotWaitForTheStep) {
    Samples samples;
    const TenantId acme("acme");
    auto dead = job("acme", JobState::failed);
    dead.error = JobError{"engine_failed", "all attempts are used up", "dead", false};
    pass(samples, dead);
    samples.close_step(5s, {});
    pass(samples, dead);
    EXPECT_EQ(samples.totals(&acme).dead, 2U);
    EXPECT_EQ(samples.totals(nullptr).dead, 2U);
}

TEST(Samples, AnHourIsKept) {
    Samples samples;
    for (std::size_t i = 0; i < Samples::kSteps + 50; ++i) {
        for (std::size_t j = 0; j <= i; j += 100) pass(samples, job("acme"));
        samples.close_step(5s, {});
    }
    EXPECT_EQ(samples.series(nullptr, 10'000).size(), Samples::kSteps);
    const auto last = samples.series(nullptr, 60);
    ASSERT_EQ(last.size(), 60U);
    EXPECT_FLOAT_EQ(last.back().accepted, 8 / 5.0F);
    EXPECT_FLOAT_EQ(samples.series(nullptr, 10'000).front().accepted, 1 / 5.0F);
}

TEST(Samples, ALateTenantsSeriesEndsWithTheServers) {
    Samples samples;
    samples.close_step(5s, {});
    samples.close_step(5s, {});
    pass(samples, job("late"));
    samples.close_step(5s, {});
    const TenantId late("late");
    const auto series = samples.series(&late, 100);
    ASSERT_EQ(series.size(), 3U);
    EXPECT_FLOAT_EQ(series[1].accepted, 0);
    EXPECT_FLOAT_EQ(series[2].accepted, 0.2F);
}

TEST(Samples, AFlowIsOfTheLastMinute) {
    Samples samples;
    const TenantId acme("acme"), other("other");
    for (int i = 0; i < 60; ++i) pass(samples, job("acme"), 0s, 20ms);
    for (int i = 0; i < 60; ++i) pass(samples, job("other"), 0s, 20ms);
    for (std::size_t i = 0; i < Samples::kRateSteps; ++i) samples.close_step(5s, {});
    const auto flows = samples.flows(&acme);
    ASSERT_EQ(flows.size(), 1U);
    EXPECT_EQ(flows[0].capability, "echo");
    EXPECT_DOUBLE_EQ(flows[0].rate, 1);
    EXPECT_NEAR(flows[0].p50_ms, 20, 3);
    EXPECT_DOUBLE_EQ(samples.flows(nullptr)[0].rate, 2);
    samples.close_step(5s, {});
    EXPECT_DOUBLE_EQ(samples.flows(&acme)[0].rate, 0) << "it has left the minute";
    EXPECT_LT(samples.flows(&acme)[0].p50_ms, 0);
}

TEST(Samples, TooManyTenantsAndFlowsCountForTheServerAlone) {
    Samples samples;
    const std::size_t many = Samples::kFlows + 100;
    for (std::size_t i = 0; i < many; ++i) pass(samples, job("t" + std::to_string(i)));
    samples.close_step(5s, {});
    EXPECT_EQ(samples.totals(nullptr).accepted, many);
    std::size_t tenants = 0;
    for (std::size_t i = 0; i < many; ++i) {
        const TenantId tenant("t" + std::to_string(i));
        tenants += samples.totals(&tenant).accepted;
    }
    EXPECT_EQ(tenants, Samples::kTenants);
    // Those that have nothing to show any more give way.
    for (std::size_t i = 0; i < Samples::kSteps + 2; ++i) samples.close_step(5s, {});
    const TenantId late("late");
    pass(samples, job("late"));
    samples.close_step(5s, {});
    EXPECT_EQ(samples.totals(&late).accepted, 1U);
    EXPECT_EQ(samples.totals(nullptr).accepted, many + 1) << "and the server forgets nothing";
}

TEST(Activity, TellsReadersOfTheirTenant) {
    stores::VirtualTime time;
    CoreObserver next;
    Activity activity(time, next);
    activity.job_accepted(job("acme"));
    const auto own = activity.open(TenantId("acme"));
    const auto all = activity.open(std::nullopt);
    activity.job_accepted(job("acme"));
    activity.job_started(job("other"), "w", 1ms);
    activity.job_ended(job("acme", JobState::cancelled), 0ns);
    const auto changes = activity.take(*own);
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].state, JobState::queued);
    EXPECT_EQ(changes[0].capability, "echo@1.0.0");
    EXPECT_EQ(changes[1].state, JobState::cancelled);
    EXPECT_EQ(activity.take(*all).size(), 3U);
    EXPECT_TRUE(activity.take(*all).empty());
    activity.close(*own);
    activity.job_accepted(job("acme"));
    EXPECT_TRUE(activity.take(*own).empty());
}

TEST(Activity, ReadersAndWhatTheyAreBehindAreBounded) {
    stores::VirtualTime time;
    CoreObserver next;
    Activity activity(time, next);
    const auto slow = activity.open(std::nullopt);
    for (std::size_t i = 0; i < 3 * Activity::kChanges; ++i) activity.job_accepted(job("acme"));
    EXPECT_EQ(activity.take(*slow).size(), Activity::kChanges);
    while (activity.open(std::nullopt)) {
    }
    activity.close(*slow);
    EXPECT_TRUE(activity.open(std::nullopt));
}

}  // namespace
}  // namespace headrace::jobs
