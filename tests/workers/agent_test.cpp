// Jobs from the core over WebSocket to an agent's hosts, through a network that breaks.
#include "tests/workers/fixture.hpp"

namespace headrace::workers {
namespace {

using jobs::JobState;

TEST_F(AgentTest, CarriesJobsAndItsKey) {
    const auto version = linked("examples/engines/echo/echo");
    EXPECT_EQ(end_of(submit(version, text("far away"))).state, JobState::succeeded);
    EXPECT_EQ(authorization, "Bearer hr_test");
    EXPECT_EQ(core.workers()[0].profile.name, "box/echo@1.0.0/0");
    EXPECT_EQ(version->tenant.name, "default");
}

TEST_F(AgentTest, AJobGoesOnOverALostLink) {
    const auto version = linked("examples/engines/echo/echo_slow");
    const auto events = submit(version, slow(600));
    ASSERT_TRUE(wait([&] { return events->last<jobs::Progress>() != nullptr; }));
    relay->cut();
    const auto& record = end_of(events);
    EXPECT_EQ(record.state, JobState::succeeded);
    EXPECT_EQ(record.attempt, 1U);
    EXPECT_EQ(core.workers().size(), 1U);
    // And its slots are there as before.
    EXPECT_EQ(end_of(submit(version, slow(1))).state, JobState::succeeded);
}

TEST_F(AgentTest, AResultThatIsMadeWhileTheLinkIsAwayCounts) {
    const auto version = linked("examples/engines/echo/echo_slow");
    const auto events = submit(version, slow(300));
    ASSERT_TRUE(wait([&] { return events->last<jobs::Progress>() != nullptr; }));
    relay->refusing = true;
    relay->cut();
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);
    ASSERT_TRUE(wait([&] { return std::chrono::steady_clock::now() > until; }));
    EXPECT_EQ(events->record(), nullptr);
    relay->refusing = false;
    const auto& record = end_of(events);
    EXPECT_EQ(record.state, JobState::succeeded);
    EXPECT_EQ(record.attempt, 1U);
}

TEST_F(AgentTest, ManyCutsLoseNothingAndRunNothingTwice) {
    const auto version = linked("examples/engines/echo/echo");
    std::vector<std::shared_ptr<hub::Events>> all;
    for (int i = 0; i < 600; ++i) {
        all.push_back(submit(version, text("job " + std::to_string(i))));
        if (i % 60 == 30) {
            const auto half = all.size() / 2;
            ASSERT_TRUE(wait([&] { return all[half]->record() != nullptr; }));
            relay->cut();
        }
    }
    for (const auto& events : all) {
        const auto& record = end_of(events);
        ASSERT_EQ(record.state, JobState::succeeded);
        // A lease that was under way to the host when the link broke is sent again.
        ASSERT_EQ(record.attempt, 1U);
    }
}

TEST_F(AgentTest, ACancelThatWasLostWithTheLinkComesAfterIt) {
    const auto version = linked("examples/engines/echo/echo_slow");
    const auto events = submit(version, slow(60'000));
    ASSERT_TRUE(wait([&] { return events->last<jobs::Progress>() != nullptr; }));
    relay->refusing = true;
    relay->cut();
    ASSERT_TRUE(wait([&] { return core.workers()[0].state == "lost"; }));
    core.cancel({TenantId("default"), std::nullopt}, job, [](Result<jobs::CancelOutcome>) {});
    relay->refusing = false;
    EXPECT_EQ(end_of(events).state, JobState::cancelled);
}

TEST_F(AgentTest, AHostThatDiesBehindTheAgentIsToldAtOnce) {
    const auto version = linked("examples/engines/echo/echo_slow");
    const auto events = submit(version, slow(300));
    ASSERT_TRUE(wait([&] { return events->last<jobs::Progress>() != nullptr; }));
    ::kill(static_cast<pid_t>(core.workers()[0].profile.pid), SIGKILL);
    const auto& record = end_of(events);  // far sooner than its lease runs out
    EXPECT_EQ(record.state, JobState::succeeded);
    EXPECT_EQ(record.attempts.size(), 2U);
}

TEST_F(AgentTest, WaitsForAServerThatIsNotThereYet) {
    relay->refusing = true;
    agent->add(engine("examples/engines/echo/echo"));
    ASSERT_TRUE(wait([&] { return agent->links().size() == 1; }));
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    ASSERT_TRUE(wait([&] { return std::chrono::steady_clock::now() > until; }));
    relay->refusing = false;
    EXPECT_TRUE(
        wait([&] { return !core.workers().empty() && core.workers()[0].state == "ready"; }));
}

TEST_F(AgentTest, StoppingTellsTheServer) {
    linked("examples/engines/echo/echo");
    stop_agent();
    EXPECT_TRUE(wait([&] { return core.workers().empty(); }));
}

TEST_F(AgentTest, RefusesAnAddressThatIsNone) {
    agent::Settings settings;
    settings.url = "nonsense";
    EXPECT_FALSE(agent::Agent::create(settings, loop));
}

}  // namespace
}  // namespace headrace::workers
