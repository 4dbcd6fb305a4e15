#include "jobs/tests/rig.hpp"

#include <map>

namespace headrace::jobs {
namespace {

catalog::ServingLimits batches(std::uint32_t max_batch, std::uint32_t max_wait_ms) {
    catalog::ServingLimits limits;
    limits.max_batch = max_batch;
    limits.max_wait_ms = max_wait_ms;
    return limits;
}

TEST(Dispatch, FencesRiseAndOneCreditIsOneBatch) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    for (int i = 0; i < 3; ++i) rig.submit(rig.interactive(echo));
    ASSERT_EQ(worker->grants.size(), 2U);
    rig.credit(*worker);
    ASSERT_EQ(worker->grants.size(), 3U);
    EXPECT_LT(worker->grants[0].fence, worker->grants[1].fence);
    EXPECT_LT(worker->grants[1].fence, worker->grants[2].fence);
    EXPECT_EQ(worker->grants[0].fence.epoch, 1U);
}

TEST(Dispatch, ACreditOverASetIsUsedUpByWhicheverIsPicked) {
    Rig rig;
    const auto a = rig.version("a");
    const auto b = rig.version("b");
    const auto worker = rig.worker({a, b});
    rig.submit(rig.durable(b));
    rig.submit(rig.durable(a));
    EXPECT_EQ(worker->grants.size(), 1U);
    EXPECT_EQ(rig.core->queues(TenantId("acme"), false).at(0).queued, 1U);
}

TEST(Dispatch, WorkersTakeTurns) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto one = rig.worker({echo}, 10);
    const auto two = rig.worker({echo}, 10);
    for (int i = 0; i < 10; ++i) rig.submit(rig.interactive(echo));
    EXPECT_EQ(one->grants.size(), 5U);
    EXPECT_EQ(two->grants.size(), 5U);
}

TEST(Dispatch, PriorityThenAgeInsideATenant) {
    Rig rig;
    const auto echo = rig.version("echo");
    std::vector<JobId> ids;
    for (const int priority : {5, 5, 9, 0, 9}) {
        auto submission = rig.durable(echo);
        submission.priority = static_cast<std::uint8_t>(priority);
        ids.push_back(rig.submit(std::move(submission)));
    }
    const std::vector<std::uint64_t> places = {3, 4, 1, 5, 2};
    for (std::size_t i = 0; i < ids.size(); ++i)
        EXPECT_EQ(rig.get(ids[i])->queue->position, places[i]);
    const auto worker = rig.worker({echo}, 5);
    std::vector<JobId> order;
    for (const auto& grant : worker->grants) order.push_back(grant.job);
    EXPECT_EQ(order, (std::vector<JobId>{ids[2], ids[4], ids[0], ids[1], ids[3]}));
}

TEST(Dispatch, ATenantThatFloodsDoesNotStarveAnother) {
    Rig rig;
    const auto echo = rig.version("echo");
    std::map<JobId, std::string> whose;
    for (int i = 0; i < 50; ++i) whose[rig.submit(rig.durable(echo, "flood"))] = "flood";
    for (int i = 0; i < 10; ++i) whose[rig.submit(rig.durable(echo, "small"))] = "small";
    const auto worker = rig.worker({echo});
    std::map<std::string, int> done;
    for (int i = 0; i < 20; ++i) {
        const JobId id = worker->grants.back().job;
        ++done[whose[id]];
        rig.advance(milliseconds(10));
        rig.complete(*worker, id);
        rig.credit(*worker);
    }
    EXPECT_GE(done["small"], 9);
}

TEST(Dispatch, ShareIsByWorkDoneNotByJobs) {
    Rig rig;
    const auto echo = rig.version("echo");
    std::map<JobId, std::string> whose;
    for (int i = 0; i < 60; ++i) {
        whose[rig.submit(rig.durable(echo, "long"))] = "long";
        whose[rig.submit(rig.durable(echo, "short"))] = "short";
    }
    const auto worker = rig.worker({echo});
    std::map<std::string, int> done;
    for (int i = 0; i < 50; ++i) {
        const JobId id = worker->grants.back().job;
        ++done[whose[id]];
        rig.advance(milliseconds(whose[id] == "long" ? 90 : 10));
        rig.complete(*worker, id);
        rig.credit(*worker);
    }
    EXPECT_GE(done["short"], done["long"] * 5);
}

TEST(Dispatch, ATenantThatWasIdleHasNoCreditForIt) {
    Rig rig;
    const auto echo = rig.version("echo");
    std::map<JobId, std::string> whose;
    const auto worker = rig.worker({echo});
    std::map<std::string, int> done;
    const auto serve = [&](int count) {
        for (int i = 0; i < count; ++i) {
            const JobId id = worker->grants.back().job;
            ++done[whose[id]];
            rig.advance(milliseconds(10));
            rig.complete(*worker, id);
            rig.credit(*worker);
        }
    };
    for (int i = 0; i < 300; ++i) whose[rig.submit(rig.durable(echo, "early"))] = "early";
    serve(200);
    for (int i = 0; i < 100; ++i) whose[rig.submit(rig.durable(echo, "late"))] = "late";
    done.clear();
    serve(40);
    EXPECT_GE(done["early"], 15) << "both take turns from now on";
}

TEST(Batches, LeaveFullAtOnceAndPartialAfterMaxWait) {
    Rig rig;
    const auto ocr = rig.version("ocr", batches(4, 50));
    const auto worker = rig.worker({ocr}, 3);
    for (int i = 0; i < 5; ++i) rig.submit(rig.interactive(ocr));
    ASSERT_EQ(worker->batches.size(), 1U);
    EXPECT_EQ(worker->batches[0].size(), 4U);
    rig.advance(milliseconds(49));
    EXPECT_EQ(worker->batches.size(), 1U);
    rig.advance(milliseconds(1));
    ASSERT_EQ(worker->batches.size(), 2U);
    EXPECT_EQ(worker->batches[1].size(), 1U);
}

TEST(Batches, FormWhenASlotFrees) {
    Rig rig;
    const auto ocr = rig.version("ocr", batches(8, 5));
    const auto worker = rig.worker({ocr}, 0);
    for (int i = 0; i < 20; ++i) rig.submit(rig.durable(ocr));
    rig.advance(milliseconds(20));
    rig.credit(*worker);
    ASSERT_EQ(worker->batches.size(), 1U);
    EXPECT_EQ(worker->batches[0].size(), 8U);
    rig.credit(*worker, 2);
    ASSERT_EQ(worker->batches.size(), 3U);
    EXPECT_EQ(worker->batches[2].size(), 4U) << "what is left has waited long enough";
}

TEST(Batches, JobsThatSharedACrashRunAlone) {
    Rig rig;
    const auto ocr = rig.version("ocr", batches(4, 0));
    std::vector<JobId> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(rig.submit(rig.durable(ocr)));
    const auto first = rig.worker({ocr});
    ASSERT_EQ(first->batches.size(), 1U);
    rig.core->detach(first->id, "crashed");
    rig.advance(std::chrono::seconds(1));
    const auto second = rig.worker({ocr}, 3);
    ASSERT_EQ(second->batches.size(), 1U) << "one at a time, in a process of its own";
    EXPECT_EQ(second->batches[0].size(), 1U);
    const JobId fresh = rig.submit(rig.durable(ocr));
    EXPECT_EQ(second->batches.size(), 1U) << "nobody joins it";
    rig.complete(*second, second->batches[0][0]);
    for (int i = 0; i < 2; ++i) {
        rig.credit(*second);
        const auto& last = second->batches.back();
        EXPECT_EQ(last.size(), 1U);
        rig.complete(*second, last[0]);
    }
    rig.credit(*second);
    EXPECT_NE(rig.state(fresh), JobState::queued);
}

TEST(Batches, AWorkerIsEmptiedForAJobThatMustBeAlone) {
    Rig rig;
    const auto ocr = rig.version("ocr");
    const auto doomed = rig.worker({ocr});
    const JobId suspect = rig.submit(rig.durable(ocr));
    rig.core->detach(doomed->id, "crashed");
    const auto busy = rig.worker({ocr}, 2);
    const JobId neighbour = rig.submit(rig.durable(ocr));
    rig.advance(std::chrono::seconds(1));
    EXPECT_EQ(busy->grants.size(), 1U) << "the suspect waits until the process is empty";
    const JobId later = rig.submit(rig.durable(ocr));
    EXPECT_EQ(busy->grants.size(), 1U) << "and nothing new comes in between";
    rig.complete(*busy, neighbour);
    ASSERT_EQ(busy->grants.size(), 2U);
    EXPECT_EQ(busy->grants[1].job, suspect);
    rig.complete(*busy, suspect);
    rig.credit(*busy);
    EXPECT_EQ(busy->grants.back().job, later);
}

TEST(Batches, WhenTheLastSuspectIsCancelledTheEmptiedWorkerGoesOn) {
    Rig rig;
    const auto ocr = rig.version("ocr");
    const auto doomed = rig.worker({ocr});
    const JobId suspect = rig.submit(rig.durable(ocr));
    rig.core->detach(doomed->id, "crashed");
    const auto busy = rig.worker({ocr}, 3);
    rig.submit(rig.durable(ocr));
    rig.advance(std::chrono::seconds(1));
    const JobId later = rig.submit(rig.durable(ocr));
    EXPECT_EQ(busy->grants.size(), 1U);
    EXPECT_TRUE(rig.cancel(suspect));
    ASSERT_EQ(busy->grants.size(), 2U);
    EXPECT_EQ(busy->grants[1].job, later);
}

TEST(Inputs, AboveTheLimitAreLoadedBeforeTheirLease) {
    Settings settings;
    settings.resident_input_bytes = 400;
    Rig rig(settings);
    const auto echo = rig.version("echo");
    std::vector<JobId> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(rig.submit(rig.durable(echo)));
    EXPECT_LE(rig.core->counts().resident_input_bytes, 400U);
    rig.disk_delay = milliseconds(1);
    const auto worker = rig.worker({echo}, 5);
    EXPECT_LT(worker->grants.size(), 5U);
    EXPECT_FALSE(rig.cancel(ids[4]).has_value()) << "its end is being written";
    rig.advance(milliseconds(5));
    EXPECT_EQ(worker->grants.size(), 4U)
        << "but not the one that was cancelled while it was loaded";
    for (const auto& grant : worker->grants) {
        ASSERT_NE(grant.input, nullptr);
        EXPECT_EQ(grant.input->values, "in");
    }
    EXPECT_EQ(rig.core->counts().preparing, 0U);
}

TEST(Operators, PauseStopsLeasesAndPurgeCancelsWhatWaits) {
    Rig rig;
    const auto echo = rig.version("echo");
    EXPECT_FALSE(rig.core->pause(rig.version("other"), true));
    std::vector<JobId> ids;
    for (int i = 0; i < 2500; ++i) ids.push_back(rig.submit(rig.durable(echo)));
    EXPECT_TRUE(rig.core->pause(echo, true));
    const auto worker = rig.worker({echo});
    EXPECT_TRUE(worker->grants.empty());
    EXPECT_EQ(rig.core->purge(echo).value(), 2500U);
    const JobId fresh = rig.submit(rig.durable(echo));
    rig.advance(milliseconds(1));
    EXPECT_EQ(rig.state(ids.front()), JobState::cancelled);
    EXPECT_EQ(rig.get(ids.back())->record->error->reason, "purged");
    EXPECT_TRUE(rig.core->pause(echo, false));
    ASSERT_EQ(worker->grants.size(), 1U);
    EXPECT_EQ(worker->grants[0].job, fresh);
    const auto view = rig.core->queues(TenantId("acme"), false).at(0);
    EXPECT_EQ(view.queued, 0U);
    EXPECT_EQ(view.running, 1U);
}

TEST(Operators, DrainOfTheCoreWaitsForRunsAndWrites) {
    Rig rig;
    rig.disk_delay = milliseconds(1);
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId running = rig.submit(rig.interactive(echo));
    const JobId waiting = rig.submit(rig.interactive(echo));
    bool idle = false;
    rig.core->drain([&idle] { idle = true; });
    EXPECT_EQ(rig.state(waiting), JobState::failed) << "its caller is told at once";
    EXPECT_EQ(rig.try_submit(rig.interactive(echo)).error().code, ErrorCode::unavailable);
    rig.advance(milliseconds(10));
    EXPECT_FALSE(idle);
    rig.credit(*worker);
    EXPECT_TRUE(rig.complete(*worker, running));
    EXPECT_FALSE(idle) << "the usage record is not written yet";
    rig.advance(milliseconds(2));
    EXPECT_TRUE(idle);
}

TEST(Operators, ADrainedWorkerIsGivenNothing) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    EXPECT_TRUE(rig.core->drain_worker(worker->id, false));
    EXPECT_TRUE(worker->drained);
    rig.submit(rig.interactive(echo));
    EXPECT_TRUE(worker->grants.empty());
    EXPECT_EQ(rig.core->workers().at(0).state, "draining");
    EXPECT_FALSE(rig.core->drain_worker(WorkerId(), false));
}

TEST(Unserved, WhoWaitsOnAConnectionIsToldAndADurableJobWaits) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId runs = rig.submit(rig.interactive(echo));
    const JobId durable = rig.submit(rig.durable(echo));
    const JobId waits = rig.submit(rig.interactive(echo));
    rig.core->worker_draining(worker->id);
    EXPECT_EQ(rig.state(waits), JobState::queued) << "others may come for it";

    rig.core->worker_unserved(worker->id, true);
    const auto told = rig.get(waits);
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(told->record->state, JobState::failed);
    ASSERT_TRUE(told->record->error.has_value());
    EXPECT_EQ(told->record->error->code, "unavailable");
    EXPECT_GT(told->record->error->retry_after_s, 0);
    EXPECT_EQ(rig.state(runs), JobState::running);
    EXPECT_EQ(rig.state(durable), JobState::queued);

    const auto refused = rig.try_submit(rig.interactive(echo));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_GT(refused.error().retry_after_s, 0);
    EXPECT_TRUE(rig.try_submit(rig.durable(echo)).has_value());

    EXPECT_TRUE(rig.complete(*worker, runs).has_value());
    rig.core->detach(worker->id, "gone");
    EXPECT_FALSE(rig.try_submit(rig.interactive(echo)).has_value()) << "still nobody";
    const auto next = rig.worker({echo});
    EXPECT_TRUE(rig.try_submit(rig.interactive(echo)).has_value());
    EXPECT_EQ(next->grants.at(0).job, durable);
}

TEST(Unserved, WhoeverServesTheVersionTooIsWaitedFor) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto first = rig.worker({echo});
    const auto second = rig.worker({echo});
    for (int i = 0; i < 2; ++i) rig.submit(rig.interactive(echo));
    const JobId waits = rig.submit(rig.interactive(echo));
    rig.core->worker_unserved(first->id, true);
    EXPECT_EQ(rig.state(waits), JobState::queued);
    rig.core->worker_unserved(second->id, true);
    EXPECT_EQ(rig.state(waits), JobState::failed);
    rig.core->worker_unserved(first->id, false);
    EXPECT_TRUE(rig.try_submit(rig.interactive(echo)).has_value());
}

TEST(Unserved, AJobThatComesBackFromTheLastWorkerIsToldAtOnce) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo});
    const JobId runs = rig.submit(rig.interactive(echo));
    rig.core->worker_unserved(worker->id, true);
    rig.core->detach(worker->id, "gone");
    EXPECT_EQ(rig.state(runs), JobState::failed);
    EXPECT_EQ(rig.get(runs)->record->error->code, "unavailable");
}

TEST(Estimate, IsTheMeanRunTimesThePlaceOverTheSlots) {
    Rig rig;
    const auto echo = rig.version("echo");
    const auto worker = rig.worker({echo}, 2);
    const JobId first = rig.submit(rig.interactive(echo));
    rig.submit(rig.interactive(echo));
    rig.advance(std::chrono::seconds(4));
    rig.complete(*worker, first);
    rig.submit(rig.durable(echo));
    const JobId second = rig.submit(rig.durable(echo));
    const auto place = rig.get(second)->queue;
    ASSERT_TRUE(place.has_value());
    EXPECT_EQ(place->position, 2U);
    EXPECT_DOUBLE_EQ(place->estimate_s, 4.0);
}

}  // namespace
}  // namespace headrace::jobs
