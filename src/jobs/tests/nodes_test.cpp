#include <algorithm>

#include "jobs/claims.hpp"
#include "jobs/tests/rig.hpp"

namespace headrace::jobs {
namespace {

/// The other nodes, as the test wants them. Answers when virtual time says so, as the log does.
class FakeNodes final : public JobClaims {
  public:
    explicit FakeNodes(Rig& rig) : rig_(rig) {}
    [[nodiscard]] bool alone() const override { return is_alone; }
    void claim(std::vector<ClaimWish> wishes, Done<std::vector<JobRecord>> done) override {
        wished = std::move(wishes);
        rig_.time.after(milliseconds(0), [this, done = std::move(done)]() mutable {
            done(std::exchange(offers, {}));
        });
    }
    void recall(TenantId, JobId job, bool cancel, Done<std::optional<JobRecord>> done) override {
        (cancel ? cancels : recalls).push_back(job);
        rig_.time.after(milliseconds(0), [this, done = std::move(done)]() mutable {
            done(std::exchange(given_back, std::nullopt));
        });
    }
    void listen(std::weak_ptr<ClaimListener> who) override { listener = std::move(who); }

    bool is_alone = false;
    std::vector<ClaimWish> wished;
    std::vector<JobRecord> offers;
    std::optional<JobRecord> given_back;
    std::vector<JobId> cancels;
    std::vector<JobId> recalls;
    std::weak_ptr<ClaimListener> listener;

  private:
    Rig& rig_;
};

struct Nodes : testing::Test {
    Nodes() {
        rig.core->join(nodes);
        rig.advance(milliseconds(10));
    }
    JobRecord stored(JobId id) { return rig.disk.jobs.at(id).record; }
    /// Another node ends the job in the log.
    void end_there(JobId id, JobState state) {
        auto record = std::make_shared<JobRecord>(stored(id));
        record->state = state;
        record->finished_at = record->created_at + 1;
        rig.log->write({LogWrite::Kind::finish, record, {}, nullptr}, [](Result<void>) {});
        rig.settle();
        nodes.listener.lock()->ended({id});
        rig.settle();
    }

    Rig rig;
    FakeNodes nodes{rig};
    VersionPtr echo = rig.version("echo");
};

TEST_F(Nodes, AJobWithoutAWorkerHereEndsElsewhereAndItsCallerHears) {
    const JobId job = rig.submit(rig.durable(echo));
    const auto watcher = rig.watch(job);
    rig.advance(milliseconds(10));
    EXPECT_EQ(rig.core->queues(TenantId("acme"), false).at(0).queued, 0U) << "it has left";
    EXPECT_EQ(rig.state(job), JobState::queued);
    end_there(job, JobState::succeeded);
    EXPECT_EQ(rig.state(job), JobState::succeeded);
    EXPECT_EQ(watcher->story(), "queued0 done:succeeded");
}

// The log is asked about a job that is elsewhere, and its end is heard of before the log answers.
TEST_F(Nodes, AJobThatEndsWhileItIsLookedUpIsFound) {
    const JobId job = rig.submit(rig.durable(echo));
    rig.advance(milliseconds(10));
    auto record = std::make_shared<JobRecord>(stored(job));
    record->state = JobState::succeeded;
    record->finished_at = record->created_at + 1;
    rig.log->write({LogWrite::Kind::finish, record, {}, nullptr}, [](Result<void>) {});
    rig.settle();
    std::vector<JobState> seen;
    const auto look = [&](Result<JobView> view) {
        ASSERT_TRUE(view) << view.error().message;
        seen.push_back(view->record->state);
    };
    nodes.listener.lock()->ended({job});
    rig.core->get({TenantId("acme"), std::nullopt}, job, look);
    rig.settle();
    EXPECT_EQ(seen, std::vector<JobState>{JobState::succeeded});
}

TEST_F(Nodes, ANodeThatIsAloneKeepsItsJobs) {
    nodes.is_alone = true;
    rig.submit(rig.durable(echo));
    rig.advance(milliseconds(50));
    EXPECT_EQ(rig.core->queues(TenantId("acme"), false).at(0).queued, 1U);
}

TEST_F(Nodes, WhatSlotsHereCanTakeStays) {
    const auto worker = rig.worker({echo});
    for (int i = 0; i < 20; ++i) rig.submit(rig.durable(echo));
    rig.advance(milliseconds(50));
    EXPECT_EQ(worker->grants.size(), 1U);
    EXPECT_EQ(rig.core->queues(TenantId("acme"), false).at(0).queued, 4U);
}

TEST_F(Nodes, RoomIsFilledFromWhatIsUpForClaim) {
    const JobId job = rig.submit(rig.durable(echo));
    rig.advance(milliseconds(10));
    nodes.offers = {stored(job)};
    const auto worker = rig.worker({echo});
    rig.advance(milliseconds(10));
    ASSERT_EQ(nodes.wished.size(), 1U);
    EXPECT_EQ(nodes.wished[0].capability, "echo");
    ASSERT_EQ(worker->grants.size(), 1U) << "its own job came back";
    EXPECT_TRUE(rig.complete(*worker, job));
    rig.settle();
    EXPECT_EQ(rig.state(job), JobState::succeeded);
}

TEST_F(Nodes, AJobThatRanOnADeadNodeHasLostItsAttempt) {
    const JobId job = rig.submit(rig.durable(echo));
    rig.advance(milliseconds(10));
    JobRecord record = stored(job);
    record.state = JobState::running;
    record.attempt = 1;
    record.attempts.push_back({1, "there", {1, 7}, 5, 0, "running"});
    nodes.offers = {record};
    const auto worker = rig.worker({echo});
    rig.advance(milliseconds(10));
    ASSERT_EQ(worker->grants.size(), 1U);
    EXPECT_TRUE(rig.complete(*worker, job));
    rig.settle();
    const auto view = rig.get(job);
    ASSERT_EQ(view->record->attempts.size(), 2U);
    EXPECT_EQ(view->record->attempts[0].outcome, "lost");
    EXPECT_EQ(view->record->attempts[1].outcome, "succeeded");
}

TEST_F(Nodes, ACancelTakesBackWhatNobodyHas) {
    const JobId job = rig.submit(rig.durable(echo));
    rig.advance(milliseconds(10));
    nodes.given_back = stored(job);
    EXPECT_TRUE(rig.cancel(job)->was_running);
    rig.settle();
    EXPECT_EQ(nodes.cancels, std::vector<JobId>{job});
    EXPECT_EQ(rig.state(job), JobState::cancelled);
}

// Accepted by a node that this one only knows from the log.
TEST_F(Nodes, ACancelReachesAJobOfAnotherNode) {
    auto record = std::make_shared<JobRecord>(stored(rig.submit(rig.durable(echo))));
    const JobId job = record->id = rig.ids.make<JobId>();
    rig.log->write({LogWrite::Kind::accept, record, {}, nullptr}, [](Result<void>) {});
    rig.settle();
    const auto told = rig.cancel(job);
    ASSERT_TRUE(told) << told.error().message;
    EXPECT_TRUE(told->was_running);
    EXPECT_EQ(nodes.cancels, std::vector<JobId>{job}) << "whoever has it is told";
    nodes.given_back = *record;
    ASSERT_TRUE(rig.cancel(job));
    EXPECT_EQ(rig.state(job), JobState::cancelled) << "nobody had it";
    EXPECT_EQ(rig.cancel(job).error().code, ErrorCode::conflict);
}

TEST_F(Nodes, ADeadlineEndsWhatNobodyHas) {
    auto submission = rig.durable(echo);
    submission.deadline_at = rig.time.wall() + 100;
    const JobId job = rig.submit(std::move(submission));
    rig.advance(milliseconds(10));
    nodes.given_back = stored(job);
    rig.advance(milliseconds(200));
    EXPECT_EQ(nodes.recalls, std::vector<JobId>{job});
    EXPECT_TRUE(nodes.cancels.empty());
    EXPECT_EQ(rig.state(job), JobState::expired);
}

TEST_F(Nodes, AnotherNodesCallerMayCancelWhatRunsHere) {
    const auto worker = rig.worker({echo});
    const JobId job = rig.submit(rig.durable(echo));
    rig.settle();
    ASSERT_EQ(worker->grants.size(), 1U);
    nodes.listener.lock()->cancel_asked(TenantId("other"), job);
    EXPECT_TRUE(worker->cancels.empty()) << "not of that tenant";
    nodes.listener.lock()->cancel_asked(TenantId("acme"), job);
    rig.settle();
    ASSERT_EQ(worker->cancels.size(), 1U);
}

TEST_F(Nodes, AnEndThatTheLogRefusesIsNotShown) {
    const auto worker = rig.worker({echo});
    const JobId job = rig.submit(rig.durable(echo));
    rig.settle();
    ASSERT_EQ(worker->grants.size(), 1U);
    // Another node took it over and ended it while this one stood still.
    auto record = std::make_shared<JobRecord>(stored(job));
    record->state = JobState::failed;
    rig.log->write({LogWrite::Kind::finish, record, {}, nullptr}, [](Result<void>) {});
    EXPECT_TRUE(rig.complete(*worker, job));
    rig.settle();
    EXPECT_EQ(rig.state(job), JobState::failed) << "what the log says";
}

}  // namespace
}  // namespace headrace::jobs
