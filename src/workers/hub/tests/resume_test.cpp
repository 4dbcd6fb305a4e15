// An agent's link breaks and comes back.
#include "workers/hub/tests/hub_fixture.hpp"

#include "link/replay.hpp"

namespace headrace::workers::hub {
namespace {

class ResumeTest : public HubTest {
  protected:
    std::unique_ptr<TestWorker> agent(const std::string& resume, std::vector<wire::JobRef> held) {
        auto worker = remote();
        auto frame = hello("mine", kEcho);
        frame.mutable_hello()->set_resume(resume);
        for (auto& ref : held) *frame.mutable_hello()->add_held() = ref;
        frame.mutable_delivery()->set_ack(replay.received());
        worker->send(frame);
        EXPECT_TRUE(wait([&] { return worker->find(&wire::Frame::has_welcome) != nullptr; }));
        const auto& answer = *worker->find(&wire::Frame::has_welcome);
        welcome = answer.welcome();
        replay.acknowledged(answer.delivery().ack());
        worker->channel->resume_with(replay);
        return worker;
    }
    jobs::VersionPtr mine() { return *catalog.snapshot()->resolve(TenantId("default"), "mine"); }

    link::Replay replay{1 << 20};
    wire::Welcome welcome;
};

TEST_F(ResumeTest, AHeldLeaseGoesOnAndLostFramesComeAgain) {
    auto first = agent("", {});
    first->credit();
    std::shared_ptr<Events> events;
    ASSERT_TRUE(wait([&] { return core.workers().size() == 1; }));
    events = submit(mine(), text("x"));
    ASSERT_TRUE(wait([&] { return first->leases() == 1; }));
    const auto ref = first->leased().ref();

    // The result is stamped and kept, but its connection is gone before it arrives.
    auto [unused, dead] = sockets();
    TestWorker nowhere(loop, std::move(dead));
    nowhere.channel->resume_with(replay);
    nowhere.result(ref, text_values("kept"));
    ASSERT_TRUE(wait([&] { return nowhere.channel->queued() == 0; }));

    auto second = agent(welcome.worker(), {ref});
    EXPECT_EQ(welcome.dropped_size(), 0);
    EXPECT_EQ(core.workers().size(), 1U);
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(text_in(*events->record()), "kept");
    EXPECT_EQ(events->record()->attempt, 1U);
}

TEST_F(ResumeTest, ALeaseThatIsNotHeldAnyMoreIsGivenAgain) {
    auto first = agent("", {});
    first->credit();
    ASSERT_TRUE(wait([&] { return core.workers().size() == 1; }));
    submit(mine(), text("x"));
    ASSERT_TRUE(wait([&] { return first->leases() == 1; }));
    auto second = agent(welcome.worker(), {});
    second->credit();
    ASSERT_TRUE(wait([&] { return second->leases() >= 1; }));
    const auto last = second->leased(second->leases() - 1);
    EXPECT_EQ(last.attempt(), 2U);
}

TEST_F(ResumeTest, AnUnknownWorkerStartsAnewAndIsToldToDropAll) {
    wire::JobRef ref;
    ref.set_job(std::string(16, 'j'));
    ref.set_epoch(3);
    ref.set_counter(9);
    const auto worker = agent(std::string(16, 'w'), {ref});
    ASSERT_EQ(welcome.dropped_size(), 1);
    EXPECT_EQ(welcome.dropped(0).counter(), 9U);
    EXPECT_EQ(core.workers().size(), 1U);
}

TEST_F(ResumeTest, AnotherKeysWorkerCannotBeTakenOver) {
    auto first = agent("", {});
    auto [ours, theirs] = sockets();
    hub.accept(std::move(ours), TenantId("default"), "key-2");
    TestWorker thief(loop, std::move(theirs));
    auto frame = hello("mine", kEcho);
    frame.mutable_hello()->set_resume(welcome.worker());
    frame.mutable_delivery();
    thief.send(frame);
    ASSERT_TRUE(wait([&] { return thief.find(&wire::Frame::has_welcome) != nullptr; }));
    EXPECT_NE(thief.find(&wire::Frame::has_welcome)->welcome().worker(), welcome.worker());
    EXPECT_EQ(core.workers().size(), 2U);
}

TEST_F(ResumeTest, AnOrderlyCloseMeansTheHostIsGone) {
    auto first = agent("", {});
    ASSERT_TRUE(wait([&] { return core.workers().size() == 1; }));
    first->channel->close("killed by signal 9");
    EXPECT_TRUE(wait([&] { return core.workers().empty(); }));
}

TEST_F(ResumeTest, ARevokedKeyEndsItsLinks) {
    auto first = agent("", {});
    hub.key_revoked("key-1");
    EXPECT_TRUE(wait([&] { return first->closed && first->find(&wire::Frame::has_kill); }));
    EXPECT_TRUE(core.workers().empty());
}

}  // namespace
}  // namespace headrace::workers::hub
