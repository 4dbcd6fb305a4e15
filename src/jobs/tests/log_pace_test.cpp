// An accept stands behind all that the log has been asked for before: so that is bounded.
#include "jobs/tests/rig.hpp"

#include <algorithm>
#include <vector>

namespace headrace::jobs {
namespace {

TEST(LogPace, APurgeIsNoFasterThanTheLog) {
    Rig rig;
    const auto echo = rig.version("echo");
    std::vector<JobId> ids;
    for (int i = 0; i < 5000; ++i) ids.push_back(rig.submit(rig.durable(echo)));
    rig.disk_delay = milliseconds(1);
    EXPECT_EQ(rig.core->purge(echo).value(), 5000U);
    std::uint64_t most = 0;
    for (int i = 0; i < 100; ++i) {
        most = std::max(most, rig.core->counts().writes);
        rig.advance(milliseconds(1));
    }
    EXPECT_GT(most, 100U);
    EXPECT_LT(most, 1000U);
    for (const JobId& id : ids) ASSERT_EQ(rig.state(id), JobState::cancelled);
    const auto worker = rig.worker({echo});
    EXPECT_EQ(worker->grants.size(), 0U);
    rig.disk_delay = milliseconds(0);
    rig.submit(rig.durable(echo));
    EXPECT_EQ(worker->grants.size(), 1U) << "the purge is over";
}

TEST(LogPace, DurableJobsWaitWhileTheLogIsBehindWithEnds) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto other = rig.version("other");
    for (int i = 0; i < 3000; ++i) rig.submit(rig.durable(echo));
    rig.disk_delay = milliseconds(10);
    const auto worker = rig.worker({echo, other}, 100);
    std::size_t done = 0;
    const auto run_all = [&] {
        while (done < worker->grants.size()) {
            ASSERT_TRUE(rig.complete(*worker, worker->grants[done++].job));
            rig.credit(*worker);
        }
    };
    run_all();
    EXPECT_GT(done, 100U);
    EXPECT_LT(done, 1000U) << "the ends of the others would stand before every accept";
    const JobId quick = rig.submit(rig.interactive(other));
    EXPECT_EQ(rig.state(quick), JobState::running) << "nobody waits for the end of this one";
    for (int i = 0; i < 1000 && done < 3001; ++i) {
        run_all();
        rig.advance(milliseconds(1));
    }
    EXPECT_EQ(done, 3001U);
}

TEST(LogPace, ATenantWhoseJobsWaitForTheLogHoldsUpNoOther) {
    Rig rig;
    const auto echo = rig.version("echo");
    for (int i = 0; i < 2000; ++i) rig.submit(rig.durable(echo));
    rig.disk_delay = std::chrono::seconds(1);
    const auto worker = rig.worker({echo}, 4);
    for (std::size_t done = 0; done < worker->grants.size(); ++done) {
        ASSERT_TRUE(rig.complete(*worker, worker->grants[done].job));
        rig.credit(*worker);
    }
    for (int i = 0; i < 50; ++i) {
        const JobId quick = rig.submit(rig.interactive(echo, "other"));
        ASSERT_EQ(worker->grants.back().job, quick) << i;
        ASSERT_TRUE(rig.complete(*worker, quick));
        rig.credit(*worker);
    }
    const JobId last = worker->grants.back().job;
    rig.advance(std::chrono::seconds(5));
    EXPECT_NE(worker->grants.back().job, last) << "the log has caught up";
}

TEST(LogPace, APurgeLeavesWhatWasRunningWhenItWasAskedFor) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId running = rig.submit(rig.durable(echo));
    const auto worker = rig.worker({echo});
    ASSERT_EQ(worker->grants.size(), 1U);
    for (int i = 0; i < 2000; ++i) rig.submit(rig.durable(echo));
    rig.disk_delay = milliseconds(10);
    EXPECT_EQ(rig.core->purge(echo).value(), 2000U);
    ASSERT_TRUE(rig.fail(*worker, running, true));
    rig.credit(*worker);
    const auto beat = [&] {
        rig.core->heartbeat(worker->id);
        rig.advance(milliseconds(100));
    };
    for (int i = 0; i < 100 && rig.disk.usage.size() < 2000; ++i) beat();
    EXPECT_EQ(rig.disk.usage.size(), 2000U);
    for (int i = 0; i < 600 && worker->grants.size() < 2; ++i) beat();
    ASSERT_EQ(worker->grants.size(), 2U);
    EXPECT_EQ(worker->grants.back().job, running);
}

TEST(LogPace, AStopHandsWhatIsLeftOfAPurgeToTheLog) {
    Rig rig;
    const auto echo = rig.version("echo");
    for (int i = 0; i < 5000; ++i) rig.submit(rig.durable(echo));
    rig.disk_delay = std::chrono::seconds(10);
    EXPECT_TRUE(rig.core->purge(echo));
    EXPECT_LT(rig.core->counts().writes, 1000U);
    rig.core->drain([] {});
    rig.advance(milliseconds(1));
    EXPECT_EQ(rig.core->counts().writes, 5000U);
}

TEST(LogPace, TheCoreIsNotIdleBeforeAPurgeIsOver) {
    Rig rig;
    const auto echo = rig.version("echo");
    for (int i = 0; i < 5000; ++i) rig.submit(rig.durable(echo));
    rig.disk_delay = milliseconds(1);
    EXPECT_TRUE(rig.core->purge(echo));
    bool idle = false;
    rig.core->drain([&idle] { idle = true; });
    for (int i = 0; i < 1000 && !idle; ++i) rig.advance(milliseconds(1));
    EXPECT_TRUE(idle);
    EXPECT_EQ(rig.disk.usage.size(), 5000U) << "an end is missing";
}

}  // namespace
}  // namespace headrace::jobs
