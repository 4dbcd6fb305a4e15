#include "jobs/tests/rig.hpp"

namespace headrace::jobs {
namespace {

TEST(Accept, ADurableJobIsAnsweredWhenItIsOnDisk) {
    Rig rig;
    rig.disk_delay = milliseconds(5);
    const auto echo = rig.version("echo");
    std::optional<Result<Accepted>> answer;
    rig.core->submit(rig.durable(echo), [&](Result<Accepted> got) { answer = std::move(got); });
    rig.advance(milliseconds(4));
    EXPECT_FALSE(answer.has_value());
    EXPECT_TRUE(rig.disk.jobs.empty());
    rig.advance(milliseconds(1));
    ASSERT_TRUE(answer.has_value() && answer->has_value());
    const JobView& view = (**answer).view;
    EXPECT_TRUE(rig.disk.jobs.contains(view.record->id));
    EXPECT_EQ(view.record->state, JobState::queued);
    EXPECT_EQ(view.queue->position, 1U);
    EXPECT_LT(view.queue->estimate_s, 0) << "nothing is known yet";
}

TEST(Accept, AFullDiskMeansUnavailableAndNoJob) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    rig.disk_full = true;
    const auto answer = rig.try_submit(rig.durable(echo));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
    EXPECT_GT(answer.error().retry_after_s, 0);
    EXPECT_EQ(rig.core->counts().jobs, 0U);
    EXPECT_TRUE(worker->grants.empty());
}

TEST(Accept, AnInteractiveJobNeedsNoDisk) {
    Rig rig;
    rig.disk_delay = milliseconds(1000);
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    auto submission = rig.interactive(echo);
    const auto watcher = std::make_shared<FakeWatcher>();
    submission.watcher = watcher;
    const JobId id = rig.submit(std::move(submission));
    EXPECT_TRUE(rig.complete(*worker, id));
    EXPECT_EQ(watcher->story(), "queued0 running1 done:succeeded");
    EXPECT_EQ(watcher->events.front()->id, 1U);
    rig.advance(milliseconds(1000));
    EXPECT_EQ(rig.disk.metered[id], 1U) << "metered later";
    EXPECT_TRUE(rig.disk.jobs.empty());
}

TEST(Accept, AFullQueueSaysWhenToComeBack) {
    Settings settings;
    settings.max_queued_per_capability = 2;
    Rig rig(settings);
    const auto one = rig.version("echo");
    rig.submit(rig.durable(one));
    rig.submit(rig.durable(one));
    const auto answer = rig.try_submit(rig.interactive(one));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::quota_exceeded);
    EXPECT_GE(answer.error().retry_after_s, 1);
    rig.worker({one});
    EXPECT_TRUE(rig.try_submit(rig.interactive(one)).has_value()) << "one has left the queue";
}

TEST(Accept, ADrainedQueueAcceptsNothingButRunsWhatIsThere) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    EXPECT_TRUE(rig.core->drain_queue(echo, true));
    EXPECT_EQ(rig.try_submit(rig.durable(echo)).error().code, ErrorCode::unavailable);
    const auto worker = rig.worker({echo});
    EXPECT_TRUE(rig.complete(*worker, id));
    EXPECT_EQ(rig.state(id), JobState::succeeded);
}

struct IdempotencyTest : testing::Test {
    Submission with(const std::string& key, std::uint8_t body) {
        auto submission = rig.durable(echo);
        submission.idempotency.emplace();
        submission.idempotency->key = key;
        submission.idempotency->body[0] = body;
        return submission;
    }
    Rig rig;
    VersionPtr echo = rig.version("echo");
};

TEST_F(IdempotencyTest, TwinsInFlightAndLaterGetTheFirstAnswer) {
    rig.disk_delay = milliseconds(1);
    std::vector<JobId> ids;
    std::vector<bool> replays;
    for (int i = 0; i < 3; ++i) {
        rig.core->submit(with("k", 1), [&](Result<Accepted> got) {
            ids.push_back(got->id);
            replays.push_back(got->replay);
        });
    }
    rig.advance(milliseconds(10));
    ASSERT_EQ(ids.size(), 3U);
    EXPECT_EQ(ids[0], ids[1]);
    EXPECT_EQ(ids[0], ids[2]);
    EXPECT_EQ(replays, (std::vector<bool>{false, true, true}));
    rig.restart();
    rig.core->submit(with("k", 1), [&](Result<Accepted> got) {
        EXPECT_TRUE(got->replay);
        EXPECT_EQ(got->id, ids[0]);
    });
    rig.advance(milliseconds(10));
    EXPECT_EQ(rig.disk.jobs.size(), 1U);
}

TEST_F(IdempotencyTest, AnotherBodyIsAClashInFlightAndLater) {
    rig.disk_delay = milliseconds(1);
    rig.core->submit(with("k", 1), [](Result<Accepted> got) { EXPECT_TRUE(got); });
    int clashes = 0;
    const auto clash = [&clashes](Result<Accepted> got) {
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, ErrorCode::idempotency_clash);
        ++clashes;
    };
    rig.core->submit(with("k", 2), clash);
    EXPECT_EQ(clashes, 1);
    rig.advance(milliseconds(10));
    rig.core->submit(with("k", 2), clash);
    rig.advance(milliseconds(10));
    EXPECT_EQ(clashes, 2);
}

TEST_F(IdempotencyTest, KeysEndAfterADayAndAreATenantsOwn) {
    const JobId first = rig.submit(with("k", 1));
    auto foreign = with("k", 2);
    foreign.tenant = TenantId("other");
    EXPECT_NE(rig.submit(std::move(foreign)), first);
    rig.advance(std::chrono::hours(24));
    EXPECT_NE(rig.submit(with("k", 2)), first);
}

TEST_F(IdempotencyTest, WhenTheFirstFailsSoDoItsTwinsAndTheKeyIsFree) {
    rig.disk_delay = milliseconds(1);
    rig.disk_full = true;
    int failures = 0;
    for (int i = 0; i < 2; ++i) {
        rig.core->submit(with("k", 1),
                         [&failures](Result<Accepted> got) { failures += got ? 0 : 1; });
    }
    rig.advance(milliseconds(10));
    EXPECT_EQ(failures, 2);
    rig.disk_full = false;
    bool fresh = false;
    rig.core->submit(with("k", 1), [&fresh](Result<Accepted> got) { fresh = got && !got->replay; });
    rig.advance(milliseconds(10));
    EXPECT_TRUE(fresh);
}

struct PromoteTest : testing::Test {
    void promote(JobId id) {
        rig.core->promote(id, [this](Result<JobView> got) { view = std::move(got); });
    }
    Rig rig;
    VersionPtr echo = rig.version("echo");
    std::optional<Result<JobView>> view;
};

TEST_F(PromoteTest, ARunningJobIsWrittenWithItsAttemptAndFence) {
    rig.disk_delay = milliseconds(1);
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.interactive(echo));
    promote(id);
    EXPECT_FALSE(view.has_value());
    rig.advance(milliseconds(2));
    ASSERT_TRUE(view && *view);
    EXPECT_EQ((*view)->record->job_class, JobClass::durable);
    const JobRecord& stored = rig.disk.jobs.at(id).record;
    EXPECT_EQ(stored.state, JobState::running);
    EXPECT_EQ(stored.attempt, 1U);
    EXPECT_EQ(stored.fence, worker->grants.front().fence);
    rig.core->hang_up(id);
    EXPECT_TRUE(worker->cancels.empty()) << "it no longer belongs to the connection";
    EXPECT_TRUE(rig.complete(*worker, id));
    rig.advance(milliseconds(2));
    EXPECT_EQ(rig.disk.jobs.at(id).record.state, JobState::succeeded);
    EXPECT_EQ(rig.disk.metered[id], 1U);
}

TEST_F(PromoteTest, AnEndDuringTheWriteFollowsInOrder) {
    rig.disk_delay = milliseconds(1);
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.interactive(echo));
    promote(id);
    EXPECT_TRUE(rig.complete(*worker, id));
    EXPECT_EQ(rig.state(id), JobState::running);
    rig.advance(milliseconds(5));
    ASSERT_TRUE(view && *view);
    EXPECT_EQ(rig.disk.jobs.at(id).record.state, JobState::succeeded);
    EXPECT_EQ(rig.state(id), JobState::succeeded);
    EXPECT_EQ(rig.disk.metered[id], 1U);
}

TEST_F(PromoteTest, AFailedWriteLeavesItInteractiveAndItsEndShows) {
    rig.disk_delay = milliseconds(1);
    rig.disk_full = true;
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.interactive(echo));
    promote(id);
    EXPECT_TRUE(rig.complete(*worker, id));
    rig.advance(milliseconds(2));
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->error().code, ErrorCode::unavailable);
    EXPECT_EQ(rig.state(id), JobState::succeeded);
    rig.disk_full = false;
    rig.advance(std::chrono::minutes(2));
    EXPECT_EQ(rig.disk.metered[id], 1U) << "its usage is written when there is room again";
}

TEST_F(PromoteTest, AWaitingJobAndAnEndedOne) {
    const JobId id = rig.submit(rig.interactive(echo));
    promote(id);
    rig.settle();
    EXPECT_EQ(rig.disk.jobs.at(id).record.state, JobState::queued);
    const auto worker = rig.worker({echo});
    EXPECT_TRUE(rig.complete(*worker, id));
    EXPECT_EQ(rig.disk.jobs.at(id).record.state, JobState::succeeded);
    const JobId other = rig.submit(rig.interactive(echo));
    rig.credit(*worker);
    EXPECT_TRUE(rig.complete(*worker, other));
    view.reset();
    promote(other);
    ASSERT_TRUE(view && *view);
    EXPECT_EQ((*view)->record->state, JobState::succeeded);
    EXPECT_FALSE(rig.disk.jobs.contains(other));
}

// It has been picked as an interactive job, which waits for nothing, into a batch that waits for
// the record of another one's attempt.
TEST_F(PromoteTest, AJobInABatchThatIsBeingPreparedLeavesWithItsAttemptOnDisk) {
    catalog::ServingLimits two;
    two.max_batch = 2;
    const auto pairs = rig.version("pairs", two);
    const JobId id = rig.submit(rig.interactive(pairs));
    const JobId other = rig.submit(rig.durable(pairs));
    const auto worker = rig.worker({pairs});
    ASSERT_EQ(worker->grants.size(), 2U);
    EXPECT_TRUE(rig.fail(*worker, id, true));
    EXPECT_TRUE(rig.fail(*worker, other, true));
    rig.advance(std::chrono::seconds(1));
    rig.disk_delay = milliseconds(10);
    promote(id);
    rig.advance(milliseconds(5));
    rig.credit(*worker);
    for (int i = 0; i < 100 && worker->grants.size() < 4; ++i) rig.advance(milliseconds(1));
    ASSERT_EQ(worker->grants.size(), 4U);
    EXPECT_TRUE(view && *view);
    EXPECT_EQ(rig.disk.jobs.at(other).record.attempt, 2U);
    EXPECT_EQ(rig.disk.jobs.at(id).record.attempt, 2U);
}

}  // namespace
}  // namespace headrace::jobs
