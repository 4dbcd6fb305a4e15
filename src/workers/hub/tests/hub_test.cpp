#include "workers/hub/tests/hub_fixture.hpp"

namespace headrace::workers::hub {
namespace {

using jobs::JobState;

TEST_F(HubTest, AJobGoesToAHostAndItsResultComesBack) {
    const auto worker = ready_echo();
    const auto* welcome = worker->find(&wire::Frame::has_welcome);
    ASSERT_NE(welcome, nullptr);
    EXPECT_EQ(welcome->welcome().epoch(), 7U);
    const auto events = submit(echo, text("hello"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    EXPECT_EQ(worker->leased().attempt(), 1U);
    EXPECT_EQ(worker->leased().tenant(), "default");
    EXPECT_EQ(worker->leased().values(), text("hello").values);
    worker->result(worker->leased().ref(), text_values("hello"));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->state, JobState::succeeded);
    EXPECT_EQ(text_in(*events->record()), "hello");
}

TEST_F(HubTest, ManyLeasesShareAFrame) {
    const auto worker = ready_echo(10);
    std::vector<std::shared_ptr<Events>> all;
    for (int i = 0; i < 5; ++i) all.push_back(submit(echo, text("x")));
    ASSERT_TRUE(wait([&] { return worker->leases() == 5; }));
    wire::Frame frame;
    for (std::size_t i = 0; i < 5; ++i) {
        auto* one = frame.mutable_result()->add_results();
        *one->mutable_ref() = worker->leased(i).ref();
        one->set_values(catalog::encode(text_values("x")));
    }
    worker->send(frame);
    for (const auto& events : all) EXPECT_TRUE(wait([&] { return events->record() != nullptr; }));
}

TEST_F(HubTest, AHostThatOffersSomethingElseIsRefusedAndEnded) {
    const auto worker = local(version_of("echo", kEcho));
    worker->send(hello("other"));
    ASSERT_TRUE(wait([&] { return killed.contains(1) && worker->closed; }));
    ASSERT_NE(worker->find(&wire::Frame::has_welcome), nullptr);
    EXPECT_NE(worker->find(&wire::Frame::has_welcome)->welcome().error(), "");
}

TEST_F(HubTest, AnEndedHostCostsItsJobsAnAttemptOnly) {
    auto worker = ready_echo();
    const auto events = submit(echo, text("again"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    worker->channel->close("");
    hub.local_ended(1, "killed by signal 11");
    const auto second = local(echo, 2);
    second->send(hello("echo"));
    second->credit();
    ASSERT_TRUE(wait([&] { return second->leases() == 1; }));
    EXPECT_EQ(second->leased().attempt(), 2U);
    second->result(second->leased().ref(), text_values("again"));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->attempts.size(), 2U);
    EXPECT_EQ(events->record()->attempts[0].outcome, "lost");
}

TEST_F(HubTest, AResultSentJustBeforeTheEndCounts) {
    auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    worker->result(worker->leased().ref(), text_values("x"));
    worker->channel->close("");
    hub.local_ended(1, "exit status 0");  // before the hub has read the result
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->state, JobState::succeeded);
}

TEST_F(HubTest, ALinkThatClosesMeansTheProcessMustEnd) {
    auto worker = ready_echo();
    worker->channel->close("");
    ASSERT_TRUE(wait([&] { return killed.contains(1); }));
    EXPECT_EQ(core.workers().size(), 1U);  // told when it has ended
    hub.local_ended(1, "its link closed");
    EXPECT_EQ(core.workers().size(), 0U);
}

TEST_F(HubTest, CancelReachesTheWorkerAtOnce) {
    const auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    core.cancel({TenantId("default"), std::nullopt}, job, [](Result<jobs::CancelOutcome>) {});
    ASSERT_TRUE(wait([&] { return worker->find(&wire::Frame::has_cancel) != nullptr; }));
    const auto& cancel = worker->find(&wire::Frame::has_cancel)->cancel();
    EXPECT_EQ(cancel.refs(0).counter(), worker->leased().ref().counter());
    wire::Frame frame;
    auto* failure = frame.mutable_failure()->add_failures();
    *failure->mutable_ref() = worker->leased().ref();
    failure->set_code("cancelled");
    worker->send(frame);
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->state, JobState::cancelled);
}

TEST_F(HubTest, FailureCodesAreThoseOfTheInterfaceOrOurs) {
    echo = version_of("echo",
                      R"({"inputs":{"text":{"kind":"text"}},"outputs":{"text":{"kind":"text"}},)"
                      R"("errors":{"too_dark":{"description":"no light"}}})");
    const auto worker = local(echo);
    worker->send(hello("echo"));
    worker->credit(3);
    for (const auto& [sent, shown] :
         std::map<std::string, std::string>{{"too_dark", "too_dark"},
                                            {"quota_exceeded", "quota_exceeded"},
                                            {"made_up", "engine_failed"}}) {
        const auto before = worker->leases();
        const auto events = submit(echo, text("x"));
        ASSERT_TRUE(wait([&] { return worker->leases() == before + 1; }));
        wire::Frame frame;
        auto* failure = frame.mutable_failure()->add_failures();
        *failure->mutable_ref() = worker->leased(before).ref();
        failure->set_code(sent);
        failure->set_message("because");
        worker->send(frame);
        ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
        EXPECT_EQ(events->record()->error->code, shown);
    }
}

TEST_F(HubTest, ProgressAndLogsReachTheCallerWithinTheirRates) {
    const auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    for (int i = 0; i < 1'000; ++i) {
        wire::Frame frame;
        *frame.mutable_log()->mutable_ref() = worker->leased().ref();
        frame.mutable_log()->set_stream("stderr");
        frame.mutable_log()->set_line("line");
        worker->send(frame);
        *frame.mutable_progress()->mutable_ref() = worker->leased().ref();
        frame.mutable_progress()->set_fraction(2.5);
        worker->send(frame);
    }
    worker->result(worker->leased().ref(), text_values("x"));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    std::size_t lines = 0;
    std::size_t steps = 0;
    for (const auto& event : events->all) {
        lines += std::holds_alternative<jobs::LogEvent>(event->what) ? 1 : 0;
        steps += std::holds_alternative<jobs::Progress>(event->what) ? 1 : 0;
    }
    EXPECT_GE(lines, 200U);
    EXPECT_LT(lines, 900U);
    EXPECT_GE(steps, 20U);
    EXPECT_LT(steps, 300U);
    EXPECT_EQ(events->last<jobs::Progress>()->fraction, 1.0);
}

TEST_F(HubTest, AnswersPingsAndDrains) {
    const auto worker = ready_echo();
    wire::Frame ping;
    ping.mutable_ping()->set_nonce(5);
    worker->send(ping);
    ASSERT_TRUE(wait([&] { return worker->find(&wire::Frame::has_ping) != nullptr; }));
    EXPECT_EQ(worker->find(&wire::Frame::has_ping)->ping().nonce(), 5U);
    EXPECT_TRUE(worker->find(&wire::Frame::has_ping)->ping().reply());
    wire::Frame drain;
    drain.mutable_drain();
    worker->send(drain);
    EXPECT_TRUE(wait([&] { return core.workers()[0].state == "draining"; }));
}

TEST_F(HubTest, ASessionsStepsGoBothWays) {
    const auto version =
        version_of("talk", R"({"mode":"stream","inputs":{"text":{"kind":"text"}},)"
                           R"("outputs":{"text":{"kind":"text","stream":"append"}}})");
    const auto worker = local(version);
    worker->send(hello("talk"));
    worker->credit();
    const auto events = submit(version, jobs::Payload{}, true);
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    EXPECT_TRUE(worker->leased().stream());
    ASSERT_TRUE(core.session_input(job, text("one").values, false));
    ASSERT_TRUE(core.session_input(job, "", true));
    const auto last_step = [&] {
        const auto& frame = worker->frames.back();
        return frame.has_input() && frame.input().step().last();
    };
    ASSERT_TRUE(wait(last_step));
    wire::Frame step;
    *step.mutable_output()->mutable_ref() = worker->leased().ref();
    step.mutable_output()->mutable_step()->set_values(text("two").values);
    worker->send(step);
    ASSERT_TRUE(wait([&] { return events->last<jobs::OutputEvent>() != nullptr; }));
    EXPECT_EQ(events->last<jobs::OutputEvent>()->values, text("two").values);
    core.output_taken(job, 10);
    ASSERT_TRUE(wait([&] { return worker->find(&wire::Frame::has_window) != nullptr; }));
    worker->result(worker->leased().ref(), {});
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->state, JobState::succeeded);
}

}  // namespace
}  // namespace headrace::workers::hub
