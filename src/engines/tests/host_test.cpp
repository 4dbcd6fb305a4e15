// headrace-host with the example engines, as processes.
#include <set>

#include "engines/tests/fake_hub.hpp"
#include "link/protocol.hpp"

namespace headrace::engines {
namespace {

using catalog::Values;

class HostTest : public FakeHub {
  protected:
    void start(const std::string& folder) {
        supervisor->add(spec_of(folder));
        ASSERT_TRUE(wait_ready());
        host = hosts[0].get();
    }
    void send(const wire::Frame& frame) { host->started.link->send(frame); }
    template <class Has>
    [[nodiscard]] const wire::Frame* get(Has has) {
        EXPECT_TRUE(wait([&] { return host->find(has) != nullptr; }));
        return host->find(has);
    }
    static Values result_values(const wire::Frame& frame) {
        auto values = catalog::decode(frame.result().results(0).values());
        EXPECT_TRUE(values);
        return values ? *values : Values{};
    }
    FakeHost* host = nullptr;
};

TEST_F(HostTest, AnswersAJobAndOffersItsSlotAgain) {
    start("examples/engines/echo/echo");
    EXPECT_EQ(host->frames[0].hello().name(), "echo@1.0.0/0");
    EXPECT_EQ(host->frames[0].hello().offers(0).max_batch(), 64U);
    send(lease('a', text("hello")));
    const auto* result = get(&wire::Frame::has_result);
    ASSERT_NE(result, nullptr);
    EXPECT_EQ(*result_values(*result).find("text")->get<std::string>(), "hello");
    EXPECT_TRUE(wait([&] { return host->frames.back().has_credit(); }));
    EXPECT_EQ(host->frames.back().credit().slots(), 1U);
}

TEST_F(HostTest, RunsABatchInOneCall) {
    start("examples/engines/echo/echo");
    auto frame = lease('a', text("one"));
    auto* second = frame.mutable_lease()->mutable_batches(0)->add_jobs();
    *second = frame.lease().batches(0).jobs(0);
    second->mutable_ref()->set_job(std::string(16, 'b'));
    second->set_values(catalog::encode(text("two")));
    send(frame);
    const auto* result = get(&wire::Frame::has_result);
    ASSERT_NE(result, nullptr);
    EXPECT_EQ(result->result().results_size(), 2);
}

TEST_F(HostTest, FailsTheJobWhoseInputCannotBeRead) {
    start("examples/engines/echo/echo");
    auto frame = lease('a', text("one"));
    frame.mutable_lease()->mutable_batches(0)->mutable_jobs(0)->set_values("\xff\xff");
    send(frame);
    const auto* failure = get(&wire::Frame::has_failure);
    ASSERT_NE(failure, nullptr);
    EXPECT_EQ(failure->failure().failures(0).code(), "invalid_argument");
}

TEST_F(HostTest, TakesLargeValuesInChunksAndGivesThemBackSo) {
    start("examples/engines/echo/echo");
    const std::string content(700'000, 'x');
    const std::string values = catalog::encode(text(content));
    auto frame = lease('a', {});
    auto* job = frame.mutable_lease()->mutable_batches(0)->mutable_jobs(0);
    job->set_values("");
    job->set_values_size(values.size());
    send(frame);
    for (std::size_t at = 0; at < values.size(); at += link::kMaxChunk) {
        wire::Frame piece;
        *piece.mutable_input()->mutable_ref() = job->ref();
        piece.mutable_input()->mutable_chunk()->set_data(values.substr(at, link::kMaxChunk));
        piece.mutable_input()->mutable_chunk()->set_last(at + link::kMaxChunk >= values.size());
        send(piece);
    }
    // Its own window for the way back is used up after 256 kB: make room as chunks come.
    std::set<const wire::Frame*> seen;
    std::size_t granted = 0;
    ASSERT_TRUE(wait([&] {
        std::size_t came = 0;
        for (const auto& one : host->frames) {
            if (one.has_output()) came += one.output().chunk().data().size();
        }
        if (came > granted) {
            wire::Frame window;
            *window.mutable_window()->mutable_ref() = job->ref();
            window.mutable_window()->set_bytes(came - granted);
            granted = came;
            send(window);
        }
        return host->find(&wire::Frame::has_result) != nullptr;
    }));
    EXPECT_EQ(host->find(&wire::Frame::has_result)->result().results(0).values_size(), granted);
    std::string back;
    for (const auto& one : host->frames) {
        if (one.has_output()) back += one.output().chunk().data();
    }
    EXPECT_EQ(back, values);
    EXPECT_NE(host->find(&wire::Frame::has_window), nullptr);  // and it gave room for the way in
}

TEST_F(HostTest, StreamsWordsAndGivesTheWholeAtTheEnd) {
    start("examples/engines/echo/echo_stream");
    auto frame = lease('a', text("to be or"));
    frame.mutable_lease()->mutable_batches(0)->mutable_jobs(0)->set_stream_outputs(true);
    send(frame);
    const auto* result = get(&wire::Frame::has_result);
    ASSERT_NE(result, nullptr);
    EXPECT_EQ(*result_values(*result).find("text")->get<std::string>(), "to be or");
    std::vector<std::string> words;
    for (const auto& one : host->frames) {
        if (!one.has_output()) continue;
        words.push_back(
            *catalog::decode(one.output().step().values())->find("text")->get<std::string>());
    }
    EXPECT_EQ(words, (std::vector<std::string>{"to", " be", " or"}));
}

TEST_F(HostTest, TellsProgressAndStopsAtACancelAtOnce) {
    start("examples/engines/echo/echo_slow");
    auto values = text("slow");
    values.set("duration_ms", std::int64_t{60'000});
    const auto frame = lease('a', values);
    send(frame);
    ASSERT_NE(get(&wire::Frame::has_progress), nullptr);
    wire::Frame cancel;
    *cancel.mutable_cancel()->add_refs() = frame.lease().batches(0).jobs(0).ref();
    const auto began = std::chrono::steady_clock::now();
    send(cancel);
    const auto* failure = get(&wire::Frame::has_failure);
    ASSERT_NE(failure, nullptr);
    EXPECT_EQ(failure->failure().failures(0).code(), "cancelled");
    // At once: the job would go on for a minute.
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST_F(HostTest, AnswersAPingWhileItsEngineIsBusy) {
    start("examples/engines/echo/echo_slow");
    auto values = text("x");
    values.set("duration_ms", std::int64_t{60'000});
    send(lease('a', values));
    wire::Frame ping;
    ping.mutable_ping()->set_nonce(9);
    send(ping);
    const auto* answer = get(&wire::Frame::has_ping);
    ASSERT_NE(answer, nullptr);
    EXPECT_TRUE(answer->ping().reply());
    EXPECT_EQ(host->find(&wire::Frame::has_result), nullptr);
}

TEST_F(HostTest, DrainsItselfAfterItsLastJob) {
    start("examples/engines/echo/echo_slow");
    auto values = text("x");
    values.set("duration_ms", std::int64_t{200});
    send(lease('a', values));
    wire::Frame drain;
    drain.mutable_drain();
    ASSERT_NE(get(&wire::Frame::has_progress), nullptr);
    send(drain);
    ASSERT_TRUE(wait([&] { return host->ended.has_value(); }));
    EXPECT_NE(host->find(&wire::Frame::has_result), nullptr);
    EXPECT_EQ(*host->ended, "exit status 0");
}

TEST_F(HostTest, EndsWhenItsParentClosesTheLink) {
    start("examples/engines/echo/echo_slow");
    auto values = text("x");
    values.set("duration_ms", std::int64_t{60'000});
    send(lease('a', values));
    ASSERT_NE(get(&wire::Frame::has_progress), nullptr);
    host->started.link->close("");
    ASSERT_TRUE(wait([&] { return host->ended.has_value(); }));
    EXPECT_EQ(*host->ended, "exit status 0");
}

TEST_F(HostTest, AnExceptionOfTheEngineCostsItsJobOnly) {
    start("tests/engines/fault");
    auto values = text("x");
    values.set("how", std::string("throw"));
    send(lease('a', values));
    const auto* failure = get(&wire::Frame::has_failure);
    ASSERT_NE(failure, nullptr);
    EXPECT_EQ(failure->failure().failures(0).code(), "engine_failed");
    send(lease('b', text("well")));
    EXPECT_NE(get(&wire::Frame::has_result), nullptr);
}

}  // namespace
}  // namespace headrace::engines
