// Workers that lie: each gets a clear answer or a closed link, and nobody else is harmed.
#include "workers/hub/tests/hub_fixture.hpp"

namespace headrace::workers::hub {
namespace {

class LiarTest : public HubTest {
  protected:
    /// The job that the liar held ends well at an honest worker.
    void finish_elsewhere(const std::shared_ptr<Events>& events) {
        const auto honest = local(echo, 99);
        honest->send(hello("echo"));
        honest->credit();
        ASSERT_TRUE(wait([&] { return honest->leases() == 1; }));
        honest->result(honest->leased().ref(), text_values("well"));
        ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
        EXPECT_EQ(events->record()->state, jobs::JobState::succeeded);
    }
};

TEST_F(LiarTest, AnUnknownFenceIsRefusedWithoutHarm) {
    const auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    auto ref = worker->leased().ref();
    ref.set_counter(ref.counter() + 1);
    worker->result(ref, text_values("stolen"));
    ASSERT_TRUE(wait([&] { return worker->find(&wire::Frame::has_refused) != nullptr; }));
    EXPECT_EQ(events->record(), nullptr);
    worker->result(worker->leased().ref(), text_values("true"));
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(text_in(*events->record()), "true");
}

TEST_F(LiarTest, AnothersJobIsRefused) {
    const auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    const auto thief = local(echo, 2);
    thief->send(hello("echo"));
    thief->result(worker->leased().ref(), text_values("stolen"));
    ASSERT_TRUE(wait([&] { return thief->find(&wire::Frame::has_refused) != nullptr; }));
    EXPECT_EQ(events->record(), nullptr);
}

TEST_F(LiarTest, ASecondHelloEndsIt) {
    const auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    worker->send(hello("echo"));
    ASSERT_TRUE(wait([&] { return worker->closed && killed.contains(1); }));
    hub.local_ended(1, killed[1]);
    finish_elsewhere(events);
}

TEST_F(LiarTest, AHugeFrameOrGarbageEndsIt) {
    for (const std::string& bytes :
         {std::string("\xff\xff\xff\x7f", 4), std::string("\x02\x00\x00\x00\xff\xff", 6)}) {
        killed.clear();
        ready.clear();
        const auto worker = ready_echo();
        const auto events = submit(echo, text("x"));
        ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
        ASSERT_EQ(::send(worker->raw, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
        ASSERT_TRUE(wait([&] { return killed.contains(1); }));
        hub.local_ended(1, killed[1]);
        finish_elsewhere(events);
        hub.local_ended(99, "done");
    }
}

TEST_F(LiarTest, WhatComesBeforeHelloIsRefused) {
    const auto worker = remote();
    worker->credit();
    ASSERT_TRUE(wait([&] { return worker->closed.has_value(); }));
    ASSERT_NE(worker->find(&wire::Frame::has_welcome), nullptr);
    EXPECT_NE(worker->find(&wire::Frame::has_welcome)->welcome().error(), "");
}

TEST_F(LiarTest, AnotherProtocolIsRefusedByName) {
    const auto worker = remote();
    auto frame = hello("mine", kEcho);
    frame.mutable_hello()->set_protocol(9);
    worker->send(frame);
    ASSERT_TRUE(wait([&] { return worker->closed.has_value(); }));
    EXPECT_NE(worker->find(&wire::Frame::has_welcome)->welcome().error().find("protocol 9"),
              std::string::npos);
}

TEST_F(LiarTest, CreditForAnOfferThatWasNotMadeEndsIt) {
    const auto worker = ready_echo();
    wire::Frame frame;
    frame.mutable_credit()->add_offers(3);
    frame.mutable_credit()->set_slots(1);
    worker->send(frame);
    EXPECT_TRUE(wait([&] { return worker->closed && killed.contains(1); }));
}

TEST_F(LiarTest, OutputThatIsNotAsDeclaredFailsTheJobAndNamesTheField) {
    const auto worker = ready_echo(4);
    catalog::Values wrong_type;
    wrong_type.set("text", std::int64_t{3});
    catalog::Values unknown = text_values("x");
    unknown.set("extra", std::string("secret content"));
    for (const auto& [values, field] :
         {std::pair{wrong_type, "output.text"}, std::pair{unknown, "output.extra"},
          std::pair{catalog::Values{}, "output.text"}}) {
        const auto before = worker->leases();
        const auto events = submit(echo, text("x"));
        ASSERT_TRUE(wait([&] { return worker->leases() == before + 1; }));
        worker->result(worker->leased(before).ref(), values);
        ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
        EXPECT_EQ(events->record()->state, jobs::JobState::failed);
        EXPECT_EQ(events->record()->error->code, "engine_failed");
        EXPECT_NE(events->record()->error->message.find(field), std::string::npos);
        EXPECT_EQ(events->record()->error->message.find("secret"), std::string::npos);
    }
}

TEST_F(LiarTest, ResultsThatAreNoValuesFailTheJob) {
    const auto worker = ready_echo();
    const auto events = submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    wire::Frame frame;
    auto* one = frame.mutable_result()->add_results();
    *one->mutable_ref() = worker->leased().ref();
    one->set_values("\xff\xff\xff");
    worker->send(frame);
    ASSERT_TRUE(wait([&] { return events->record() != nullptr; }));
    EXPECT_EQ(events->record()->error->code, "engine_failed");
}

TEST_F(LiarTest, OneThatPaysNoHeedToItsWindowIsEnded) {
    echo = version_of("echo", R"({"inputs":{"text":{"kind":"text"}},)"
                              R"("outputs":{"text":{"kind":"text"},"image":{"kind":"image"}}})");
    const auto worker = local(echo);
    worker->send(hello("echo"));
    worker->credit();
    submit(echo, text("x"));
    ASSERT_TRUE(wait([&] { return worker->leases() == 1; }));
    wire::Frame frame;
    *frame.mutable_output()->mutable_ref() = worker->leased().ref();
    frame.mutable_output()->mutable_chunk()->set_part(1);
    frame.mutable_output()->mutable_chunk()->set_data(std::string(link::kMaxChunk, 'x'));
    for (int i = 0; i < 64; ++i) worker->send(frame);
    EXPECT_TRUE(wait([&] { return worker->closed && killed.contains(1); }));
}

TEST_F(LiarTest, AnAgentCannotTakeANameOfTheSystemNorChangeAnInterface) {
    version_of("echo", kEcho);
    const auto thief = remote();
    thief->send(hello("echo", kEcho));
    ASSERT_TRUE(wait([&] { return thief->closed.has_value(); }));
    EXPECT_NE(thief->find(&wire::Frame::has_welcome)->welcome().error().find("system"),
              std::string::npos);

    const auto first = remote();
    first->send(hello("mine", kEcho));
    ASSERT_TRUE(wait([&] { return first->find(&wire::Frame::has_welcome) != nullptr; }));
    EXPECT_EQ(first->find(&wire::Frame::has_welcome)->welcome().error(), "");
    EXPECT_TRUE(catalog.snapshot()->resolve(TenantId("default"), "mine@1.0.0"));
    EXPECT_FALSE(catalog.snapshot()->resolve(TenantId("other"), "mine@1.0.0"));

    const auto second = remote();
    second->send(hello(
        "mine", R"({"inputs":{"text":{"kind":"text"}},"outputs":{"other":{"kind":"text"}}})"));
    ASSERT_TRUE(wait([&] { return second->closed.has_value(); }));
    EXPECT_NE(second->find(&wire::Frame::has_welcome)->welcome().error(), "");
    EXPECT_FALSE(first->closed);

    const auto broken = remote();
    broken->send(hello("broken", "{not json"));
    ASSERT_TRUE(wait([&] { return broken->closed.has_value(); }));
}

}  // namespace
}  // namespace headrace::workers::hub
