// Events, sessions, lost links, restarts.
#include "jobs/tests/rig.hpp"

namespace headrace::jobs {
namespace {

TEST(Watch, ResumesAfterAnIdWithoutAGap) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    const auto all = rig.watch(id);
    const Fence fence = worker->grants[0].fence;
    rig.core->progress(worker->id, id, fence, {0.5, "half", ""});
    rig.core->output(worker->id, id, fence, {"a", false});
    rig.core->log(worker->id, id, fence, {"stdout", "hello", 1});
    EXPECT_EQ(all->story(), "queued0 running1 progress output:a log");
    for (std::size_t i = 0; i < all->events.size(); ++i) EXPECT_EQ(all->events[i]->id, i + 1);
    EXPECT_EQ(rig.watch(id, 3)->story(), "output:a log");
    EXPECT_EQ(rig.get(id)->record->progress.message, "half");
    rig.complete(*worker, id);
    EXPECT_EQ(rig.watch(id, 4)->story(), "log done:succeeded");
    rig.advance(std::chrono::minutes(2));
    const auto late = rig.watch(id, 5);
    EXPECT_EQ(late->story(), "done:succeeded") << "from the log";
    EXPECT_GT(late->events[0]->id, 5U);
}

TEST(Watch, AnEndedJobIsMeasured) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    rig.advance(milliseconds(300));
    const auto worker = rig.worker({echo});
    const Fence fence = worker->grants.at(0).fence;
    rig.advance(milliseconds(50));
    rig.core->output(worker->id, id, fence, {"a", false});
    rig.advance(milliseconds(400));
    rig.core->output(worker->id, id, fence, {"b", false});
    rig.advance(milliseconds(600));
    rig.complete(*worker, id);
    rig.advance(milliseconds(10));
    const FakeObserver& told = rig.observer;
    EXPECT_EQ(told.measured, 1);
    EXPECT_EQ(told.state, JobState::succeeded);
    EXPECT_EQ(told.version, echo);
    EXPECT_EQ(told.parts, "ab");
    EXPECT_TRUE(told.input);
    EXPECT_EQ(told.waited, milliseconds(300));
    EXPECT_EQ(told.first_output, milliseconds(350));
    EXPECT_EQ(told.after_first, milliseconds(1'000)) << "to the end of the lease, not of the write";
}

TEST(Watch, WhatNeverRanOrNeverStreamedHasNoFirstOutput) {
    Rig rig;
    const auto echo = rig.version("echo");
    rig.cancel(rig.submit(rig.durable(echo)));
    rig.settle();
    EXPECT_EQ(rig.observer.measured, 1);
    EXPECT_EQ(rig.observer.waited.count(), 0);
    EXPECT_FALSE(rig.observer.first_output);
    // Streamed by a first attempt that failed; it ends while it waits for the second one.
    const JobId id = rig.submit(rig.durable(echo));
    const auto worker = rig.worker({echo});
    rig.core->output(worker->id, id, worker->grants.at(0).fence, {"a", false});
    rig.advance(milliseconds(5));
    ASSERT_TRUE(rig.fail(*worker, id, true));
    rig.advance(milliseconds(5));
    rig.cancel(id);
    rig.settle();
    EXPECT_EQ(rig.observer.measured, 2);
    EXPECT_EQ(rig.observer.waited.count(), 0);
    EXPECT_FALSE(rig.observer.first_output);
}

TEST(Watch, UnwatchEndsIt) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    const auto watcher = std::make_shared<FakeWatcher>();
    Scope scope;
    scope.tenant = TenantId("acme");
    WatchTicket ticket;
    rig.core->watch(scope, id, 0, watcher, [&](Result<WatchTicket> got) { ticket = *got; });
    EXPECT_EQ(watcher->story(), "queued0");
    rig.core->unwatch(ticket);
    rig.cancel(id);
    EXPECT_EQ(watcher->story(), "queued0");
    EXPECT_EQ(watcher.use_count(), 1);
}

TEST(Watch, WhatIsOutsideTheScopeIsNotFound) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    EXPECT_EQ(rig.get(id, "other").error().code, ErrorCode::not_found);
    Scope scope;
    scope.tenant = TenantId("acme");
    scope.caller = "somebody else";
    rig.core->get(scope, id,
                  [](Result<JobView> got) { EXPECT_EQ(got.error().code, ErrorCode::not_found); });
    rig.advance(milliseconds(1));
    rig.core->cancel(scope, id, [](Result<CancelOutcome> got) { EXPECT_FALSE(got); });
    rig.settle();
    EXPECT_EQ(rig.state(id), JobState::queued);
}

TEST(Watch, RemovedOutputIsGoneAndTheJobAnswers) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    Scope scope;
    scope.tenant = TenantId("acme");
    std::optional<Result<void>> removed;
    const auto remove = [&] {
        rig.core->remove_output(scope, id, [&](Result<void> got) { removed = got; });
        rig.settle();
    };
    remove();
    EXPECT_EQ(removed->error().code, ErrorCode::conflict);
    rig.complete(*worker, id);
    remove();
    ASSERT_TRUE(removed->has_value());
    EXPECT_TRUE(rig.get(id)->record->output_removed);
    EXPECT_EQ(rig.get(id)->record->output, nullptr);
    EXPECT_EQ(rig.disk.jobs.at(id).record.output, nullptr);
}

TEST(List, ShowsWhatTheLogHasAsItIsNow) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId id = rig.submit(rig.durable(echo));
    rig.core->progress(worker->id, id, worker->grants[0].fence, {0.5, "half", ""});
    JobQuery query;
    query.tenant = TenantId("acme");
    std::vector<JobView> views;
    rig.core->list(query, [&](Result<std::vector<JobView>> got) { views = std::move(*got); });
    rig.settle();
    ASSERT_EQ(views.size(), 1U);
    EXPECT_EQ(views[0].record->state, JobState::running);
    EXPECT_EQ(views[0].record->progress.message, "half");
}

struct SessionTest : testing::Test {
    JobId open() {
        auto submission = rig.interactive(vad);
        submission.session = true;
        submission.watcher = watcher;
        return rig.submit(std::move(submission));
    }
    Rig rig{[] {
        Settings settings;
        settings.session_window = 10;
        return settings;
    }()};
    VersionPtr vad = rig.version("vad");
    std::shared_ptr<FakeWatcher> watcher = std::make_shared<FakeWatcher>();
};

TEST_F(SessionTest, BuffersInputBeforeItsSlotWithinTheWindow) {
    const JobId id = open();
    EXPECT_TRUE(rig.core->session_input(id, "12345", false));
    EXPECT_TRUE(rig.core->session_input(id, "6789", false));
    EXPECT_EQ(rig.core->session_input(id, "ab", false).error().code, ErrorCode::quota_exceeded);
    int grown = 0;
    EXPECT_EQ(rig.core->session_window(id, [&grown] { ++grown; }), 1U);
    const auto worker = rig.worker({vad});
    ASSERT_EQ(worker->inputs.size(), 2U);
    EXPECT_EQ(worker->inputs[1].values, "6789");
    EXPECT_TRUE(worker->grants[0].session);
    rig.core->input_taken(worker->id, id, worker->grants[0].fence, 5);
    EXPECT_EQ(grown, 1);
    EXPECT_TRUE(rig.core->session_input(id, "ab", true));
    EXPECT_TRUE(worker->inputs[2].last);
    EXPECT_FALSE(rig.core->session_input(id, "c", false));
    rig.core->output(worker->id, id, worker->grants[0].fence, {"x", false});
    rig.core->output_taken(id, 1);
    EXPECT_EQ(worker->taken, 1U);
    rig.complete(*worker, id, "");
    EXPECT_EQ(watcher->story(), "queued0 running1 output:x done:succeeded");
}

TEST_F(SessionTest, IsNotRunAgainOnceAStepWasDelivered) {
    const auto first = rig.worker({vad});
    const JobId untouched = open();
    rig.core->detach(first->id, "crashed");
    EXPECT_EQ(rig.state(untouched), JobState::queued);
    rig.advance(std::chrono::seconds(1));
    const auto second = rig.worker({vad});
    rig.core->session_input(untouched, "x", false);
    rig.core->detach(second->id, "crashed");
    const auto view = rig.get(untouched);
    EXPECT_EQ(view->record->state, JobState::failed);
    EXPECT_EQ(view->record->error->code, "engine_failed");
    EXPECT_EQ(view->record->error->reason, "lost");
}

TEST_F(SessionTest, EndsAnEngineThatIgnoresTheWindow) {
    const auto worker = rig.worker({vad});
    const JobId id = open();
    int sent = 0;
    while (rig.core->output(worker->id, id, worker->grants[0].fence, {"12345", false}) && sent < 50)
        ++sent;
    EXPECT_LT(sent, 50);
    EXPECT_EQ(rig.state(id), JobState::failed);
    EXPECT_EQ(worker->cancels.size(), 1U);
}

TEST(Links, ALeaseSurvivesALostLinkWithinItsTime) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    const JobId kept = rig.submit(rig.durable(echo));
    const JobId lost = rig.submit(rig.durable(echo));
    rig.core->link_lost(worker->id);
    EXPECT_EQ(rig.core->workers().at(0).state, "lost");
    EXPECT_TRUE(rig.cancel(kept)->was_running);
    EXPECT_TRUE(worker->cancels.empty());
    rig.advance(std::chrono::seconds(1));
    const std::vector<Fence> held = {worker->grants[0].fence, Fence{1, 77}};
    const auto dropped = rig.core->reattach(worker->id, worker, held);
    ASSERT_TRUE(dropped.has_value());
    EXPECT_EQ(*dropped, (std::vector<Fence>{Fence{1, 77}}));
    EXPECT_EQ(worker->cancels.size(), 1U) << "told when the link is back";
    EXPECT_EQ(rig.state(lost), JobState::queued);
    EXPECT_TRUE(rig.core->holds(worker->id, kept, worker->grants[0].fence));
    EXPECT_FALSE(rig.core->reattach(rig.ids.make<WorkerId>(), worker, {}).has_value());
}

TEST(Links, PreparedJobsGoBackWithoutAnAttempt) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    const JobId id = rig.submit(rig.durable(echo));
    rig.fail(*worker, id, true);
    rig.disk_delay = milliseconds(2000);
    rig.advance(milliseconds(500));
    EXPECT_EQ(rig.core->counts().preparing, 1U);
    rig.core->link_lost(worker->id);
    EXPECT_EQ(rig.core->counts().preparing, 0U);
    rig.disk_delay = milliseconds(0);
    const auto other = rig.worker({echo});
    rig.advance(milliseconds(4000));
    ASSERT_EQ(other->grants.size(), 1U);
    EXPECT_EQ(other->grants[0].attempt, 2U);
}

TEST(Restart, NothingAcceptedIsLostAndRunningJobsRunAgain) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId running = rig.submit(rig.durable(echo));
    const JobId waiting = rig.submit(rig.durable(echo));
    const Fence old = worker->grants[0].fence;
    rig.restart();
    EXPECT_EQ(rig.state(running), JobState::queued);
    EXPECT_EQ(rig.get(running)->record->attempts.at(0).outcome, "lost");
    const auto fresh = rig.worker({echo}, 2);
    ASSERT_EQ(fresh->grants.size(), 2U);
    EXPECT_GT(rig.grant_of(*fresh, running).fence, old);
    EXPECT_EQ(rig.grant_of(*fresh, running).attempt, 2U);
    EXPECT_EQ(rig.grant_of(*fresh, waiting).attempt, 1U);
    EXPECT_EQ(rig.grant_of(*fresh, waiting).input->values, "in");
    EXPECT_FALSE(rig.core->holds(worker->id, running, old));
    rig.complete(*fresh, running);
    rig.complete(*fresh, waiting);
    EXPECT_EQ(rig.disk.jobs.at(waiting).record.state, JobState::succeeded);
}

TEST(Restart, JobsWaitForTheirVersion) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    auto with_ttl = rig.durable(echo);
    with_ttl.ttl_ms = 1000;
    const JobId doomed = rig.submit(std::move(with_ttl));
    rig.versions.clear();
    rig.restart();
    EXPECT_EQ(rig.state(id), JobState::queued);
    rig.advance(milliseconds(1000));
    EXPECT_EQ(rig.state(doomed), JobState::expired);
    const auto again = rig.version("echo");
    rig.core->version_added(again);
    const auto worker = rig.worker({again});
    rig.settle();
    ASSERT_EQ(worker->grants.size(), 1U);
    EXPECT_EQ(worker->grants[0].job, id);
}

TEST(Restart, EventIdsStayAboveThoseOfTheLifeBefore) {
    Rig rig;
    const auto echo = rig.version("echo");
    const JobId id = rig.submit(rig.durable(echo));
    const auto before = rig.watch(id);
    rig.restart();
    const auto after = rig.watch(id, before->events.back()->id);
    ASSERT_FALSE(after->events.empty());
    EXPECT_GT(after->events.front()->id, before->events.back()->id);
}

}  // namespace
}  // namespace headrace::jobs
