// Jobs from the core to real host processes and back.
#include "tests/workers/fixture.hpp"

namespace headrace::workers {
namespace {

using jobs::JobState;

TEST_F(LocalTest, EchoEndToEnd) {
    const auto version = start("examples/engines/echo/echo");
    std::vector<std::shared_ptr<hub::Events>> all;
    for (int i = 0; i < 200; ++i) all.push_back(submit(version, text("job " + std::to_string(i))));
    for (int i = 0; i < 200; ++i) {
        const auto& record = end_of(all[static_cast<std::size_t>(i)]);
        ASSERT_EQ(record.state, JobState::succeeded);
        ASSERT_EQ(text_in(record), "job " + std::to_string(i));
    }
}

TEST_F(LocalTest, AKilledHostCostsOneAttempt) {
    const auto version = start("examples/engines/echo/echo_slow");
    const auto events = submit(version, values_of("x", "duration_ms", std::int64_t{300}));
    ASSERT_TRUE(wait([&] { return events->last<jobs::Progress>() != nullptr; }));
    ::kill(pids[0], SIGKILL);
    const auto& record = end_of(events);
    EXPECT_EQ(record.state, JobState::succeeded);
    ASSERT_EQ(record.attempts.size(), 2U);
    EXPECT_EQ(record.attempts[0].outcome, "lost");
}

TEST_F(LocalTest, APoisonJobIsDeadAfterItsAttemptsAndHarmsNoOther) {
    const auto version = start("tests/engines/fault");
    const auto poison = submit(version, values_of("x", "how", std::string("crash")));
    const auto well = submit(version, text("well"));
    EXPECT_EQ(end_of(well).state, JobState::succeeded);
    const auto& record = end_of(poison);
    EXPECT_EQ(record.state, JobState::failed);
    EXPECT_EQ(record.error->reason, "dead");
    EXPECT_EQ(record.attempts.size(), 5U);
    EXPECT_NE(record.error->message.find("killed by signal 6"), std::string::npos)
        << record.error->message;
}

TEST_F(LocalTest, GarbageOnTheLinkCostsTheHostOnly) {
    const auto version = start("tests/engines/fault");
    const auto garbage = submit(version, values_of("x", "how", std::string("garbage")));
    EXPECT_EQ(end_of(garbage).error->reason, "dead");
    EXPECT_EQ(end_of(submit(version, text("well"))).state, JobState::succeeded);
}

TEST_F(LocalTest, ADeafEngineIsKilledAfterTheGraceOfACancel) {
    auto spec_version = start("tests/engines/fault");
    const auto deaf = submit(spec_version, values_of("x", "how", std::string("deaf")));
    ASSERT_TRUE(wait([&] { return deaf->last<jobs::Progress>() != nullptr; }));
    core.cancel({TenantId("default"), std::nullopt}, job, [](Result<jobs::CancelOutcome>) {});
    EXPECT_EQ(end_of(deaf).state, JobState::cancelled);
    EXPECT_EQ(end_of(submit(spec_version, text("well"))).state, JobState::succeeded);
    EXPECT_GE(pids.size(), 2U);
}

TEST_F(LocalTest, PythonHostsDoTheSame) {
    const auto version = start("tests/engines/py_fault");
    EXPECT_EQ(end_of(submit(version, text("well"))).state, JobState::succeeded);
    for (const char* how : {"crash", "exit", "garbage"}) {
        const auto& record = end_of(submit(version, values_of("x", "how", std::string(how))));
        EXPECT_EQ(record.state, JobState::failed) << how;
        EXPECT_EQ(record.error->reason, "dead") << how;
    }
    const auto& thrown = end_of(submit(version, values_of("x", "how", std::string("throw"))));
    EXPECT_EQ(thrown.error->code, "engine_failed");
    EXPECT_EQ(end_of(submit(version, text("well"))).state, JobState::succeeded);
}

TEST_F(LocalTest, NoiseIsCapped) {
    const auto version = start("tests/engines/fault");
    const auto events = submit(version, values_of("x", "how", std::string("noise")));
    EXPECT_EQ(end_of(events).state, JobState::succeeded);
    EXPECT_LT(events->all.size(), 3'000U);
}

}  // namespace
}  // namespace headrace::workers
