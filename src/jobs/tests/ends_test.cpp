// Attempts, timers, cancels: every way in which a job leaves the state it is in.
#include "jobs/tests/rig.hpp"

namespace headrace::jobs {
namespace {

TEST(Attempts, FiveLostWorkersMakeADeadJob) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    for (int attempt = 1; attempt <= 5; ++attempt) {
        const auto worker = rig.worker({echo});
        rig.advance(std::chrono::seconds(60));  // less than the leases: heartbeats below
        ASSERT_EQ(worker->grants.size(), 1U) << attempt;
        EXPECT_EQ(worker->grants[0].attempt, static_cast<std::uint32_t>(attempt));
        rig.core->detach(worker->id, "crashed");
    }
    rig.settle();
    const auto view = rig.get(id);
    EXPECT_EQ(view->record->state, JobState::failed);
    EXPECT_EQ(view->record->error->reason, "dead");
    EXPECT_EQ(view->record->error->code, "engine_failed");
    EXPECT_EQ(view->record->attempts.size(), 5U);
    EXPECT_EQ(rig.disk.metered[id], 1U);
}

TEST(Attempts, ARetryableErrorIsTriedAgainAndAnotherIsNot) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    EXPECT_TRUE(rig.fail(*worker, id, true, "busy"));
    EXPECT_EQ(rig.state(id), JobState::queued);
    rig.advance(std::chrono::seconds(1));
    rig.credit(*worker);
    ASSERT_EQ(worker->grants.size(), 2U);
    EXPECT_TRUE(rig.fail(*worker, id, false, "bad_picture"));
    const auto view = rig.get(id);
    EXPECT_EQ(view->record->state, JobState::failed);
    EXPECT_EQ(view->record->error->code, "bad_picture");
    EXPECT_EQ(view->record->error->reason, "");
}

TEST(Attempts, TheLastErrorsCodeIsThatOfTheDeadJob) {
    Settings settings;
    settings.max_attempts = 2;
    Rig rig(settings);
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    const JobId id = rig.submit(rig.interactive(echo));
    rig.fail(*worker, id, true, "busy");
    rig.advance(std::chrono::seconds(1));
    rig.fail(*worker, id, true, "busy");
    EXPECT_EQ(rig.get(id)->record->error->code, "busy");
    EXPECT_EQ(rig.get(id)->record->error->reason, "dead");
}

TEST(Attempts, ALaterAttemptIsOnDiskBeforeItsLeaseLeaves) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    const JobId id = rig.submit(rig.durable(echo));
    rig.fail(*worker, id, true);
    rig.disk_delay = milliseconds(5000);
    rig.advance(milliseconds(1000));
    EXPECT_EQ(worker->grants.size(), 1U) << "being written";
    EXPECT_EQ(rig.core->counts().preparing, 1U);
    rig.advance(milliseconds(5000));
    ASSERT_EQ(worker->grants.size(), 2U);
    const JobRecord& stored = rig.disk.jobs.at(id).record;
    EXPECT_EQ(stored.attempt, 2U);
    EXPECT_EQ(stored.fence, worker->grants[1].fence);
}

TEST(Attempts, ALateResultIsRefusedAndHarmsNobody) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto slow = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    rig.advance(std::chrono::seconds(20));
    ASSERT_TRUE(slow->killed.has_value()) << "silent longer than its lease";
    const auto fresh = rig.worker({echo});
    rig.advance(milliseconds(100));
    EXPECT_EQ(rig.complete(*slow, id, "late").error().code, ErrorCode::conflict);
    EXPECT_FALSE(rig.core->holds(slow->id, id, slow->grants[0].fence));
    EXPECT_TRUE(rig.complete(*fresh, id, "right"));
    EXPECT_EQ(rig.get(id)->record->output->values, "right");
    EXPECT_EQ(rig.complete(*fresh, id, "twice").error().code, ErrorCode::conflict);
}

TEST(Ends, AreShownWhenTheyAreOnDiskAndNeverLost) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    const auto watcher = rig.watch(id);
    rig.disk_full = true;
    EXPECT_TRUE(rig.complete(*worker, id));
    rig.core->heartbeat(worker->id);
    rig.advance(std::chrono::seconds(10));
    EXPECT_EQ(rig.state(id), JobState::running);
    EXPECT_EQ(watcher->story(), "queued0 running1");
    rig.disk_full = false;
    rig.advance(std::chrono::seconds(40));
    EXPECT_EQ(rig.state(id), JobState::succeeded);
    EXPECT_EQ(watcher->story(), "queued0 running1 done:succeeded");
    EXPECT_EQ(rig.disk.metered[id], 1U);
}

TEST(Timers, TtlTimeoutAndDeadlineFireOnTime) {
    Rig rig;
    const auto echo = rig.version("echo");
    auto queued = rig.durable(echo);
    queued.ttl_ms = 1000;
    const JobId waiting = rig.submit(std::move(queued));
    auto late = rig.durable(echo);
    late.deadline_at = rig.time.wall() + 1500;
    const JobId doomed = rig.submit(std::move(late));
    rig.advance(milliseconds(999));
    EXPECT_EQ(rig.state(waiting), JobState::queued);
    rig.advance(milliseconds(1));
    EXPECT_EQ(rig.state(waiting), JobState::expired);
    EXPECT_EQ(rig.get(waiting)->record->error->reason, "ttl");
    rig.advance(milliseconds(500));
    EXPECT_EQ(rig.state(doomed), JobState::expired);
    EXPECT_EQ(rig.get(doomed)->record->error->reason, "deadline");
}

TEST(Timers, ARunTimeoutEndsTheJobAndThenTheEngine) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    auto submission = rig.durable(echo);
    submission.timeout_ms = 1000;
    const JobId id = rig.submit(std::move(submission));
    EXPECT_EQ(worker->grants[0].timeout_ms, 1000);
    rig.advance(milliseconds(1000));
    const auto view = rig.get(id);
    EXPECT_EQ(view->record->state, JobState::failed);
    EXPECT_EQ(view->record->error->code, "deadline_exceeded");
    EXPECT_EQ(view->record->error->reason, "timeout");
    ASSERT_EQ(worker->cancels.size(), 1U);
    EXPECT_EQ(worker->cancels[0].reason, CancelReason::timeout);
    EXPECT_TRUE(rig.core->progress(worker->id, id, worker->grants[0].fence, {}))
        << "no fault of the worker while it stops";
    rig.advance(std::chrono::seconds(5));
    EXPECT_FALSE(worker->killed.has_value());
    rig.advance(std::chrono::seconds(1));
    EXPECT_TRUE(worker->killed.has_value());
}

TEST(Timers, AWorkerThatConfirmsIsNotKilled) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    auto submission = rig.durable(echo);
    submission.timeout_ms = 1000;
    const JobId id = rig.submit(std::move(submission));
    rig.advance(milliseconds(1500));
    EXPECT_EQ(rig.fail(*worker, id, false, "cancelled").error().code, ErrorCode::conflict);
    for (int i = 0; i < 10; ++i) {
        rig.core->heartbeat(worker->id);
        rig.advance(std::chrono::seconds(2));
    }
    EXPECT_FALSE(worker->killed.has_value());
}

TEST(Timers, AJobWithoutASignOfLifeCostsTheProcess) {
    catalog::ServingLimits limits;
    limits.stall_timeout_ms = 1000;
    Rig rig;
    const auto echo = rig.version("echo", limits);
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    rig.advance(milliseconds(900));
    rig.core->progress(worker->id, id, worker->grants[0].fence, {});
    rig.advance(milliseconds(900));
    rig.core->heartbeat(worker->id);  // of the process, which is not the job's
    EXPECT_FALSE(worker->killed.has_value());
    rig.advance(milliseconds(100));
    EXPECT_TRUE(worker->killed.has_value());
    EXPECT_EQ(rig.state(id), JobState::queued);
}

TEST(Timers, TheWallClockMayJump) {
    Rig rig;
    const auto echo = rig.version("echo");
    auto submission = rig.durable(echo);
    submission.ttl_ms = 10'000;
    submission.deadline_at = rig.time.wall() + 20'000;
    const JobId id = rig.submit(std::move(submission));
    rig.time.jump_wall(std::chrono::hours(24));
    rig.advance(std::chrono::seconds(9));
    EXPECT_EQ(rig.state(id), JobState::queued);
    rig.advance(std::chrono::seconds(1));
    EXPECT_EQ(rig.state(id), JobState::expired);
}

TEST(Cancel, AQueuedJobEndsAtOnceAndAnEndedOneIsAConflict) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    const auto outcome = rig.cancel(id);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_FALSE(outcome->was_running);
    EXPECT_EQ(outcome->view.record->state, JobState::cancelled);
    EXPECT_EQ(rig.cancel(id).error().code, ErrorCode::conflict);
    rig.advance(std::chrono::minutes(2));
    EXPECT_EQ(rig.cancel(id).error().code, ErrorCode::conflict) << "also from the log";
    EXPECT_EQ(rig.cancel(rig.ids.make<JobId>()).error().code, ErrorCode::not_found);
}

TEST(Cancel, ARunningJobEndsWhenItsWorkerConfirms) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    const JobId stops = rig.submit(rig.durable(echo));
    const JobId finishes = rig.submit(rig.durable(echo));
    for (const JobId id : {stops, finishes}) {
        const auto outcome = rig.cancel(id);
        ASSERT_TRUE(outcome.has_value());
        EXPECT_TRUE(outcome->was_running);
        EXPECT_EQ(outcome->view.record->state, JobState::running);
    }
    EXPECT_EQ(worker->cancels.size(), 2U);
    EXPECT_TRUE(rig.fail(*worker, stops, false, "cancelled"));
    EXPECT_TRUE(rig.complete(*worker, finishes));
    EXPECT_EQ(rig.state(stops), JobState::cancelled);
    EXPECT_EQ(rig.state(finishes), JobState::cancelled) << "after a 202 it never succeeds";
}

TEST(Cancel, AWorkerThatDoesNotStopIsKilled) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    rig.cancel(id);
    rig.advance(milliseconds(5400));
    EXPECT_EQ(rig.state(id), JobState::running);
    rig.advance(milliseconds(200));
    EXPECT_TRUE(worker->killed.has_value());
    EXPECT_EQ(rig.state(id), JobState::cancelled);
}

TEST(Cancel, InARetryPauseWhileLoadingAndWhileBeingWritten) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    const JobId paused = rig.submit(rig.durable(echo));
    rig.fail(*worker, paused, true);
    EXPECT_TRUE(rig.cancel(paused).has_value());
    EXPECT_EQ(rig.state(paused), JobState::cancelled);

    const JobId preparing = rig.submit(rig.durable(echo));
    rig.fail(*worker, preparing, true);
    rig.credit(*worker);
    rig.disk_delay = milliseconds(2000);
    rig.advance(milliseconds(500));
    EXPECT_EQ(rig.core->counts().preparing, 1U);
    std::optional<Result<CancelOutcome>> first;
    std::optional<Result<CancelOutcome>> second;
    Scope scope;
    scope.tenant = TenantId("acme");
    rig.core->cancel(scope, preparing, [&](Result<CancelOutcome> got) { first = std::move(got); });
    rig.core->cancel(scope, preparing, [&](Result<CancelOutcome> got) { second = std::move(got); });
    EXPECT_FALSE(first.has_value()) << "being written";
    rig.advance(milliseconds(5000));
    EXPECT_TRUE(first->has_value());
    EXPECT_EQ(second->error().code, ErrorCode::conflict);
    EXPECT_EQ(worker->grants.size(), 2U) << "its lease never left";
    rig.disk_delay = milliseconds(0);
    EXPECT_EQ(rig.state(preparing), JobState::cancelled);
    rig.submit(rig.durable(echo));
    EXPECT_EQ(worker->grants.size(), 3U) << "and the slot is free again";
}

TEST(Cancel, HangUpCancelsAnInteractiveJob) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId running = rig.submit(rig.interactive(echo));
    const JobId waiting = rig.submit(rig.interactive(echo));
    const JobId durable = rig.submit(rig.durable(echo));
    for (const JobId id : {running, waiting, durable}) rig.core->hang_up(id);
    EXPECT_EQ(rig.state(waiting), JobState::cancelled);
    EXPECT_EQ(rig.state(durable), JobState::queued);
    EXPECT_EQ(worker->cancels.size(), 1U);
}

TEST(Retry, MakesANewJobWithTheSameInput) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    Scope scope;
    scope.tenant = TenantId("acme");
    std::optional<Result<JobView>> again;
    const auto retry = [&] {
        again.reset();
        rig.core->retry(scope, id, [&](Result<JobView> got) { again = std::move(got); });
        rig.settle();
    };
    retry();
    EXPECT_EQ(again->error().code, ErrorCode::conflict) << "still running";
    rig.fail(*worker, id, false);
    retry();
    ASSERT_TRUE(again->has_value());
    EXPECT_EQ((*again)->record->retry_of, id);
    EXPECT_NE((*again)->record->id, id);
    rig.advance(std::chrono::minutes(2));
    retry();
    ASSERT_TRUE(again->has_value()) << "from the log";
    const auto next = rig.worker({echo}, 2);
    ASSERT_EQ(next->grants.size(), 2U);
    EXPECT_EQ(next->grants[0].input->values, "in");
    rig.complete(*next, (*again)->record->id);
    EXPECT_EQ(rig.state(id), JobState::failed) << "the old one stays what it is";
}

TEST(Memory, EndedJobsAreLetGo) {
    Settings settings;
    settings.max_ended_bytes = 20'000;
    Rig rig(settings);
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    for (int i = 0; i < 50; ++i) {
        const JobId id = rig.submit(i % 2 == 0 ? rig.durable(echo) : rig.interactive(echo));
        rig.complete(*worker, id);
        rig.credit(*worker);
    }
    EXPECT_LT(rig.core->counts().jobs, 15U) << "bounded by bytes";
    rig.advance(std::chrono::seconds(61));
    EXPECT_EQ(rig.core->counts().jobs, 0U);
    EXPECT_EQ(rig.core->counts().workers, 0U) << "silent: its lease has expired";
    EXPECT_EQ(rig.core->counts().timers, 0U);
}

}  // namespace
}  // namespace headrace::jobs
