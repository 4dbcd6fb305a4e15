// The whole room over a real core, with a dialer that does what a seeded script says.
#include <map>
#include <random>

#include <gtest/gtest.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "catalog/catalog.hpp"
#include "http/guarded_fetch.hpp"
#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "jobs/service.hpp"
#include "telemetry/metrics.hpp"
#include "upstreams/openai_interface.hpp"
#include "upstreams/upstreams.hpp"
#include "workers/hub/tests/memory_ports.hpp"

namespace headrace::upstreams {
namespace {

using std::chrono::milliseconds;

class MemoryStore final : public UpstreamStore {
  public:
    explicit MemoryStore(Loop& loop) : loop_(loop) {}
    Result<std::vector<UpstreamSpec>> load() override { return std::vector<UpstreamSpec>{}; }
    void save(UpstreamSpec, UniqueFunction<void(Result<void>)> done) override {
        ++writes;
        loop_.post([done = std::move(done)]() mutable { done(Result<void>{}); });
    }
    void remove(TenantId, std::string, UniqueFunction<void(Result<void>)> done) override {
        loop_.post([done = std::move(done)]() mutable { done(Result<void>{}); });
    }
    int writes = 0;

  private:
    Loop& loop_;
};

/// What one server does, by chance.
struct Script {
    unsigned fails = 0;   // of 100 calls
    unsigned breaks = 0;  // after the first part
    unsigned busy = 0;
    bool hangs = false;
    std::uint32_t running = 0;
    std::uint32_t most = 0;
    std::uint32_t calls = 0;
};

class ScriptedDialer final : public Dialer {
  public:
    ScriptedDialer(Loop& loop, std::uint64_t seed) : loop_(loop), random_(seed) {}

    [[nodiscard]] Result<catalog::Interface> interface_of(catalog::Profile profile) const override {
        return openai_interface(profile);
    }
    asio::awaitable<CallResult<ProbeAnswer>> probe(Line&) override { co_return ProbeAnswer{}; }

    asio::awaitable<CallResult<CallAnswer>> call(Line& line, const Call& call,
                                                 CallSink& sink) override {
        const std::string name = line.upstream->name;
        Script& script = scripts[name];
        ++script.calls;
        tried[call.job].push_back(name);
        EXPECT_FALSE(begun.contains(call.job)) << "what has begun does not begin again";
        ++script.running;
        script.most = std::max(script.most, script.running);
        co_await rest(line.abort);
        auto answer = co_await answer_of(line, call, sink, script);
        --script.running;
        co_return answer;
    }

    std::map<std::string, Script> scripts;
    std::map<JobId, std::vector<std::string>> tried;
    std::map<JobId, std::string> begun;

  private:
    asio::awaitable<void> rest(Abort& abort) {
        auto timer = std::make_shared<asio::steady_timer>(
            loop_.io(), std::chrono::microseconds(random_() % 3'000));
        abort.hold([timer] { timer->cancel(); });
        boost::system::error_code ignored;
        co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        abort.release();
    }
    asio::awaitable<CallResult<CallAnswer>> answer_of(Line& line, const Call& call, CallSink& sink,
                                                      Script& script) {
        while (script.hangs && !line.abort.tripped()) co_await rest(line.abort);
        if (line.abort.tripped()) co_return call_failed(Fault::cancelled, "cancelled", "");
        const auto luck = random_() % 100;
        if (luck < script.fails) co_return call_failed(Fault::server, "unavailable", "broke");
        if (luck < script.fails + script.busy) {
            co_return call_failed(Fault::busy, "unavailable", "busy", 0);
        }
        if (!sink.append("text", line.upstream->name)) {
            co_return call_failed(Fault::cancelled, "cancelled", "");
        }
        begun[call.job] = line.upstream->name;
        co_await sink.room();
        co_await rest(line.abort);
        if (luck >= 100 - script.breaks) {
            co_return call_failed(Fault::server, "engine_failed", "broke off");
        }
        if (!sink.append("text", "!")) co_return call_failed(Fault::cancelled, "cancelled", "");
        CallAnswer answer;
        answer.tokens.completion = 2;
        co_return answer;
    }

    Loop& loop_;
    std::mt19937_64 random_;
};

class End final : public jobs::JobWatcher {
  public:
    End(std::size_t& left, bool streamed) : left_(left), streamed_(streamed) {}
    void on_event(const std::shared_ptr<const jobs::JobEvent>& event) override {
        if (const auto* step = std::get_if<jobs::OutputEvent>(&event->what)) {
            EXPECT_TRUE(streamed_);
            const auto values = catalog::decode(step->values);
            ASSERT_TRUE(values.has_value());
            text += *values->find("text")->get<std::string>();
        }
        const auto* done = std::get_if<jobs::DoneEvent>(&event->what);
        if (!done) return;
        EXPECT_EQ(record, nullptr) << "a job ends once";
        record = done->record;
        --left_;
    }
    [[nodiscard]] bool wants_outputs() const override { return streamed_; }
    std::string text;
    std::shared_ptr<const jobs::JobRecord> record;

  private:
    std::size_t& left_;
    bool streamed_;
};

class RoomTest : public ::testing::TestWithParam<std::uint64_t> {
  public:
    RoomTest() {
        auto dialer = std::make_unique<ScriptedDialer>(loop_, GetParam());
        dialer_ = dialer.get();
        room_.speak(Kind::openai, std::move(dialer));
    }

    UpstreamSpec spec(const std::string& name, std::uint32_t priority, std::uint32_t concurrency) {
        UpstreamSpec out;
        out.tenant = tenant_;
        out.name = name;
        out.base_url = "http://127.0.0.1:1/";
        out.models = {{"m", "", catalog::Profile::chat}};
        out.priority = priority;
        out.concurrency = concurrency;
        out.probe_every = milliseconds(0);
        return out;
    }
    void put(UpstreamSpec one) {
        room_.put(std::move(one), Put::either, [](Result<UpstreamView> view) {
            EXPECT_TRUE(view.has_value()) << view.error().message;
        });
    }
    std::shared_ptr<End> submit(bool durable, bool streamed) {
        const auto version = catalog_.snapshot()->resolve_model(tenant_, "m");
        EXPECT_TRUE(version.has_value());
        jobs::Submission submission;
        submission.tenant = tenant_;
        submission.caller = "key";
        submission.version = *version;
        submission.job_class = durable ? jobs::JobClass::durable : jobs::JobClass::interactive;
        auto end = std::make_shared<End>(left_, streamed);
        submission.watcher = end;
        ++left_;
        core_.submit(std::move(submission), [this, end](Result<jobs::Accepted> accepted) {
            ASSERT_TRUE(accepted.has_value());
            jobs_.push_back({accepted->id, end});
        });
        return end;
    }
    asio::awaitable<void> pause(std::chrono::microseconds time) {
        asio::steady_timer timer(loop_.io(), time);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    asio::awaitable<void> body(void (RoomTest::*check)(), asio::awaitable<void> work) {
        co_await pause(std::chrono::microseconds(100));
        co_await std::move(work);
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (left_ > 0 && std::chrono::steady_clock::now() < until) {
            co_await pause(std::chrono::milliseconds(2));
        }
        EXPECT_EQ(left_, 0U) << "every job ends";
        co_await pause(std::chrono::milliseconds(20));
        (this->*check)();
        co_await room_.stop();
        loop_.stop();
    }
    void run(void (RoomTest::*check)(), asio::awaitable<void> work) {
        TaskGroup tasks(loop_.io().get_executor());
        loop_.post([&] {
            room_.start();
            tasks.spawn("test", body(check, std::move(work)));
        });
        loop_.run();
    }

    asio::awaitable<void> mixed_load();
    void check_mixed();
    asio::awaitable<void> one_dead();
    void check_one_dead();
    /// Until the server has had a call, or the test has waited for long.
    asio::awaitable<void> called(const std::string& name);
    /// Until the job has ended, or the test has waited for long.
    asio::awaitable<void> ended(std::size_t which);
    asio::awaitable<void> nobody_left();
    void check_nobody_left();
    asio::awaitable<void> last_server_goes();
    void check_last_server_goes();
    asio::awaitable<void> one_hangs();
    void check_one_hangs();
    asio::awaitable<void> held_job();
    void check_held_job();

    Loop loop_{"core"};
    SystemClock clock_;
    IdSource ids_{clock_};
    workers::hub::YesLog log_{loop_};
    workers::hub::MemoryBlobs blobs_{loop_};
    catalog::Catalog catalog_{clock_, nullptr};
    jobs::CoreObserver observer_;
    jobs::Core core_{jobs::Settings{}, clock_, ids_, log_, observer_};
    jobs::Service service_{core_, loop_};
    http::GuardedFetch fetch_{http::FetchSettings{}};
    MemoryStore store_{loop_};
    telemetry::Registry metrics_;
    Upstreams room_{{loop_, core_, blobs_, catalog_, fetch_, store_, metrics_, clock_, ids_}, {}};
    ScriptedDialer* dialer_ = nullptr;
    TenantId tenant_{"acme"};
    struct Submitted {
        JobId id;
        std::shared_ptr<End> end;
    };
    std::vector<Submitted> jobs_;
    std::size_t left_ = 0;
};

/// Servers that fail, break off and are busy; callers that come at once and leave in between; a
/// server that is changed and one that is taken away while calls are under way.
asio::awaitable<void> RoomTest::mixed_load() {
    std::mt19937_64 random(GetParam() * 77);
    dialer_->scripts["a"].fails = 10;
    dialer_->scripts["b"].breaks = 10;
    dialer_->scripts["c"].busy = 20;
    // Three failures in a row are luck here, and with two circuits open the rest of the jobs fails.
    const auto patient = [this](const char* name, std::uint32_t priority, std::uint32_t room) {
        auto out = spec(name, priority, room);
        out.failures = 20;
        return out;
    };
    put(patient("a", 0, 4));
    put(patient("b", 0, 7));
    put(spec("c", 1, 3));
    put(spec("d", 2, 5));
    co_await pause(std::chrono::milliseconds(5));
    for (int i = 0; i < 600; ++i) {
        submit(random() % 4 == 0, random() % 2 == 0);
        if (random() % 10 == 0 && !jobs_.empty()) {
            const auto& victim = jobs_[random() % jobs_.size()];
            core_.cancel({tenant_, std::nullopt}, victim.id, [](Result<jobs::CancelOutcome>) {});
        }
        if (i == 200) put(patient("a", 3, 2));
        if (i == 300) room_.remove(tenant_, "d", [](Result<void>) {});
        if (i == 450) put(spec("d", 0, 5));
        if (random() % 3 == 0) co_await pause(std::chrono::microseconds(random() % 800));
    }
}

void RoomTest::check_mixed() {
    EXPECT_LE(dialer_->scripts["b"].most, 7U);
    EXPECT_LE(dialer_->scripts["c"].most, 3U);
    EXPECT_LE(dialer_->scripts["d"].most, 5U);
    std::map<jobs::JobState, int> states;
    for (const auto& [id, end] : jobs_) {
        ASSERT_NE(end->record, nullptr);
        const auto& record = *end->record;
        ++states[record.state];
        const auto begun = dialer_->begun.find(id);
        auto servers = dialer_->tried[id];
        if (record.job_class == jobs::JobClass::interactive) {
            EXPECT_LE(record.attempts.size(), 1U) << "another try is no attempt";
            std::sort(servers.begin(), servers.end());
            EXPECT_EQ(std::adjacent_find(servers.begin(), servers.end()), servers.end())
                << "no server twice for one call";
        }
        if (record.state != jobs::JobState::succeeded) continue;
        ASSERT_NE(begun, dialer_->begun.end());
        const auto values = catalog::decode(record.output->values);
        ASSERT_TRUE(values.has_value());
        const std::string wanted = begun->second + "!";
        EXPECT_EQ(*values->find("text")->get<std::string>(), wanted);
        if (!end->text.empty()) {
            EXPECT_EQ(end->text, wanted);
        }
    }
    EXPECT_GT(states[jobs::JobState::succeeded], 350);
    EXPECT_GT(states[jobs::JobState::cancelled], 0);
    for (const auto& view : room_.list(tenant_, false)) EXPECT_EQ(view.in_flight, 0U);
    EXPECT_EQ(core_.counts().running, 0U);
    EXPECT_EQ(core_.counts().workers, 1U);
}

TEST_P(RoomTest, EveryJobEndsOnceAndNoServerGetsMoreThanItMay) {
    run(&RoomTest::check_mixed, mixed_load());
}

/// Of two servers one is dead: nobody notices, and it is hardly asked.
asio::awaitable<void> RoomTest::one_dead() {
    dialer_->scripts["dead"].fails = 100;
    put(spec("dead", 0, 50));
    put(spec("good", 1, 50));
    co_await pause(std::chrono::milliseconds(5));
    for (int i = 0; i < 300; ++i) {
        submit(false, i % 2 == 0);
        co_await pause(std::chrono::microseconds(700));
    }
}

void RoomTest::check_one_dead() {
    for (const auto& [id, end] : jobs_) {
        EXPECT_EQ(end->record->state, jobs::JobState::succeeded);
    }
    // Calls that were on their way when it opened, and a trial at most.
    EXPECT_LT(dialer_->scripts["dead"].calls, 30U);
    // Closed to all, or to all but the trial that is due by now.
    const auto health = room_.find(tenant_, "dead")->health;
    EXPECT_TRUE(health == Health::open || health == Health::half_open);
    EXPECT_EQ(store_.writes, 2);
}

TEST_P(RoomTest, ADeadServerCostsNobodyAnything) {
    run(&RoomTest::check_one_dead, one_dead());
}

asio::awaitable<void> RoomTest::called(const std::string& name) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (dialer_->scripts[name].calls == 0 && std::chrono::steady_clock::now() < until) {
        co_await pause(std::chrono::milliseconds(1));
    }
}

asio::awaitable<void> RoomTest::ended(std::size_t which) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!jobs_.at(which).end->record && std::chrono::steady_clock::now() < until) {
        co_await pause(std::chrono::milliseconds(1));
    }
}

/// A model loses its last server while a call of it hangs, and gets another one.
asio::awaitable<void> RoomTest::last_server_goes() {
    dialer_->scripts["old"].hangs = true;
    auto old = spec("old", 0, 4);
    old.timeouts.total = std::chrono::seconds(1);
    put(std::move(old));
    co_await pause(std::chrono::milliseconds(5));
    submit(false, false);
    co_await called("old");
    room_.remove(tenant_, "old", [](Result<void> removed) { EXPECT_TRUE(removed.has_value()); });
    co_await pause(std::chrono::milliseconds(5));
    put(spec("new", 0, 4));
    co_await pause(std::chrono::milliseconds(5));
    for (int i = 0; i < 12; ++i) submit(false, false);
}

void RoomTest::check_last_server_goes() {
    ASSERT_EQ(jobs_.size(), 13U);
    ASSERT_NE(jobs_[0].end->record, nullptr);
    ASSERT_TRUE(jobs_[0].end->record->error.has_value());
    EXPECT_EQ(jobs_[0].end->record->error->code, "deadline_exceeded") << "its time is watched on";
    for (std::size_t i = 1; i < jobs_.size(); ++i) {
        ASSERT_NE(jobs_[i].end->record, nullptr);
        EXPECT_EQ(jobs_[i].end->record->state, jobs::JobState::succeeded)
            << "no new call goes to who is gone";
    }
}

TEST_P(RoomTest, AModelMayLoseItsLastServerWhileACallIsUnderWay) {
    run(&RoomTest::check_last_server_goes, last_server_goes());
}

/// A call that takes too long on one server goes on elsewhere, and that is no fault of the other.
asio::awaitable<void> RoomTest::one_hangs() {
    dialer_->scripts["slow"].hangs = true;
    auto slow = spec("slow", 0, 4);
    slow.timeouts.total = std::chrono::milliseconds(100);
    put(std::move(slow));
    auto good = spec("good", 1, 4);
    good.failures = 1;
    put(std::move(good));
    co_await pause(std::chrono::milliseconds(5));
    for (int i = 0; i < 6; ++i) submit(i % 2 == 0, false);
}

void RoomTest::check_one_hangs() {
    for (const auto& [id, end] : jobs_) {
        ASSERT_NE(end->record, nullptr);
        EXPECT_EQ(end->record->state, jobs::JobState::succeeded);
    }
    EXPECT_EQ(room_.find(tenant_, "good")->failures, 0U);
    EXPECT_EQ(room_.find(tenant_, "good")->health, Health::up);
}

TEST_P(RoomTest, ACallThatHangsGoesOnElsewhere) {
    run(&RoomTest::check_one_hangs, one_hangs());
}

/// A model loses its last server while a call of it hangs and two jobs wait for room.
asio::awaitable<void> RoomTest::nobody_left() {
    dialer_->scripts["old"].hangs = true;
    auto old = spec("old", 0, 1);
    old.timeouts.total = std::chrono::seconds(120);  // not told by the clock
    put(std::move(old));
    co_await pause(std::chrono::milliseconds(5));
    submit(false, false);
    co_await called("old");
    submit(false, false);
    submit(true, false);
    room_.remove(tenant_, "old", [](Result<void> removed) { EXPECT_TRUE(removed.has_value()); });
    co_await ended(1);
    EXPECT_EQ(jobs_[2].end->record, nullptr) << "a durable job waits for the next one";
    dialer_->scripts["old"].hangs = false;
    put(spec("new", 0, 4));
}

void RoomTest::check_nobody_left() {
    ASSERT_EQ(jobs_.size(), 3U);
    for (const auto& job : jobs_) ASSERT_NE(job.end->record, nullptr);
    EXPECT_EQ(jobs_[0].end->record->state, jobs::JobState::succeeded);
    ASSERT_TRUE(jobs_[1].end->record->error.has_value());
    EXPECT_EQ(jobs_[1].end->record->error->code, "unavailable");
    EXPECT_GT(jobs_[1].end->record->error->retry_after_s, 0);
    EXPECT_EQ(jobs_[2].end->record->state, jobs::JobState::succeeded);
}

TEST_P(RoomTest, WhoWaitsForTheLastServerIsToldThatItIsGone) {
    run(&RoomTest::check_nobody_left, nobody_left());
}

/// A durable job waits for a server to come back; that one is removed, and another one comes.
asio::awaitable<void> RoomTest::held_job() {
    dialer_->scripts["dead"].fails = 100;
    auto dead = spec("dead", 0, 4);
    dead.failures = 1;
    put(std::move(dead));
    co_await pause(std::chrono::milliseconds(5));
    submit(true, false);
    co_await called("dead");
    co_await pause(std::chrono::milliseconds(20));
    room_.remove(tenant_, "dead", [](Result<void> removed) { EXPECT_TRUE(removed.has_value()); });
    co_await pause(std::chrono::milliseconds(5));
    put(spec("good", 0, 4));
}

void RoomTest::check_held_job() {
    ASSERT_EQ(jobs_.size(), 1U);
    ASSERT_NE(jobs_[0].end->record, nullptr);
    EXPECT_EQ(jobs_[0].end->record->state, jobs::JobState::succeeded);
}

TEST_P(RoomTest, AJobThatWaitsGoesToTheServerThatComes) {
    run(&RoomTest::check_held_job, held_job());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RoomTest, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace headrace::upstreams
