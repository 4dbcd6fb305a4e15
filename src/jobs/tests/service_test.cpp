#include "jobs/service.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/task_group.hpp"
#include "catalog/version.hpp"
#include "jobs/observer.hpp"
#include "stores/memory/memory_job_log.hpp"

namespace headrace::jobs {
namespace {

/// Completes each job when it comes, or consumes a session's input when told to.
class Echo final : public WorkerPort {
  public:
    explicit Echo(Loop& loop) : loop_(loop) {}
    void lease(std::vector<GrantBatch> batches) override {
        for (GrantBatch& batch : batches) {
            for (Grant& grant : batch.grants) {
                if (grant.session) {
                    session = grant;
                    continue;
                }
                loop_.post([this, id = grant.job, fence = grant.fence, input = grant.input] {
                    Completion completion;
                    completion.output = *input;
                    (void)core->complete(worker, id, fence, std::move(completion));
                    core->credit(worker, std::vector<std::uint32_t>{0}, 1);
                });
            }
        }
    }
    void cancel(JobId id, Fence fence, CancelReason) override {
        loop_.post([this, id, fence] { (void)core->fail(worker, id, fence, {}, {}); });
    }
    void input(JobId id, Fence fence, std::string values, bool last) override {
        bytes_in += values.size();
        loop_.post([this, id, fence, bytes = values.size(), last] {
            (void)core->input_taken(worker, id, fence, bytes);
            if (last) (void)core->complete(worker, id, fence, {});
        });
    }
    void output_taken(JobId, Fence, std::uint64_t) override {}
    void drain(bool) override {}
    void kill(std::string) override {}

    Core* core = nullptr;
    WorkerId worker;
    std::optional<Grant> session;
    std::atomic<std::size_t> bytes_in = 0;

  private:
    Loop& loop_;
};

/// Ends when the job has ended; checks that it is called on its own loop, in order.
class Ending final : public JobWatcher {
  public:
    explicit Ending(Loop& home, bool streams = true)
        : home_(home), done_(home.io()), streams_(streams) {
        done_.expires_at(asio::steady_timer::time_point::max());
    }
    void on_event(const std::shared_ptr<const JobEvent>& event) override {
        EXPECT_TRUE(home_.is_current());
        EXPECT_GT(event->id, last_);
        last_ = event->id;
        if (const auto* end = std::get_if<DoneEvent>(&event->what)) {
            record = end->record;
            done_.cancel();
        }
    }
    [[nodiscard]] bool wants_outputs() const override { return streams_; }
    asio::awaitable<void> wait() {
        boost::system::error_code ignored;
        if (!record) co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    std::shared_ptr<const JobRecord> record;

  private:
    Loop& home_;
    asio::steady_timer done_;
    const bool streams_;
    std::uint64_t last_ = 0;
};

/// A core on its loop and callers on theirs: the same one, or another.
struct ServiceTest : testing::TestWithParam<bool> {
    ServiceTest() {
        auto made = std::make_shared<catalog::Version>();
        made->id.value = 1;
        made->name = "echo";
        version = made;
        echo->core = &core;
        WorkerProfile profile;
        profile.versions = {version};
        echo->worker = core.attach(std::move(profile), echo);
    }
    ~ServiceTest() override { EXPECT_TRUE(finished); }

    Loop& home() { return GetParam() ? callers : core_loop; }

    /// Runs the test's coroutine on the callers' loop and both loops until it has ended.
    void run(asio::awaitable<void> (ServiceTest::*body)()) {
        TaskGroup tasks(home().io().get_executor());
        tasks.spawn("test", guard(body));
        std::thread other;
        if (GetParam()) other = std::thread([this] { callers.run(); });
        core_loop.run();
        if (other.joinable()) other.join();
    }
    asio::awaitable<void> guard(asio::awaitable<void> (ServiceTest::*body)()) {
        co_await (this->*body)();
        finished = true;
        callers.stop();
        core_loop.stop();
    }

    Submission submission(const std::shared_ptr<Ending>& watcher) {
        Submission wanted;
        wanted.tenant = TenantId("acme");
        wanted.version = version;
        wanted.job_class = JobClass::interactive;
        wanted.input.values = "hello";
        wanted.watcher = watcher;
        return wanted;
    }
    void give_slot() {
        core_loop.dispatch([this] { core.credit(echo->worker, std::vector<std::uint32_t>{0}, 1); });
    }

    asio::awaitable<void> many_jobs();
    asio::awaitable<void> a_session();
    asio::awaitable<void> a_ttl();
    asio::awaitable<void> watching();
    asio::awaitable<void> shedding();

    SystemClock clock;
    IdSource ids{clock};
    stores::VirtualTime disk_time;  // nobody moves it: only durable jobs would wait for the disk
    stores::MemoryDisk disk;
    stores::MemoryJobLog log{disk, disk_time};
    CoreObserver observer;
    Settings settings = [] {
        Settings with;
        with.session_window = 100;
        return with;
    }();
    Core core{settings, clock, ids, log, observer};
    Loop core_loop{"core"};
    Loop callers{"callers"};
    Service service{core, core_loop};
    std::shared_ptr<Echo> echo = std::make_shared<Echo>(core_loop);
    VersionPtr version;
    bool finished = false;
};

asio::awaitable<void> ServiceTest::many_jobs() {
    give_slot();
    std::vector<std::shared_ptr<Ending>> endings;
    for (int i = 0; i < 200; ++i) {
        endings.push_back(std::make_shared<Ending>(home()));
        auto accepted = co_await service.submit(submission(endings.back()));
        EXPECT_TRUE(accepted.has_value());
        EXPECT_TRUE(home().is_current());
    }
    for (const auto& ending : endings) {
        co_await ending->wait();
        EXPECT_EQ(ending->record->state, JobState::succeeded);
        EXPECT_EQ(ending->record->output->values, "hello");
        EXPECT_EQ(ending.use_count(), 1) << "let go after its last event";
    }
    const auto queues = co_await service.queues(TenantId("acme"), true);
    EXPECT_EQ(queues.size(), 1U);
    const auto workers = co_await service.workers();
    EXPECT_EQ(workers.at(0).profile.versions.size(), 1U);
}
TEST_P(ServiceTest, AnswersAndEventsComeBackToTheCaller) {
    run(&ServiceTest::many_jobs);
}

asio::awaitable<void> ServiceTest::a_session() {
    const auto ending = std::make_shared<Ending>(home());
    auto wanted = submission(ending);
    wanted.session = true;
    auto accepted = co_await service.submit(std::move(wanted));
    const JobId id = accepted->id;
    give_slot();
    for (int i = 0; i < 20; ++i) {  // twenty times what the window holds
        const Result<void> given =
            co_await service.session_input(id, std::string(100, 'x'), i == 19);
        EXPECT_TRUE(given.has_value());
    }
    co_await ending->wait();
    EXPECT_EQ(ending->record->state, JobState::succeeded);
    EXPECT_EQ(echo->bytes_in, 2000U);
    const Result<void> late = co_await service.session_input(id, "x", true);
    EXPECT_EQ(late.error().code, ErrorCode::conflict);
}
TEST_P(ServiceTest, SessionInputWaitsForTheWindow) {
    run(&ServiceTest::a_session);
}

asio::awaitable<void> ServiceTest::a_ttl() {
    const auto ending = std::make_shared<Ending>(home());
    auto wanted = submission(ending);
    wanted.ttl_ms = 20;
    (void)co_await service.submit(std::move(wanted));
    co_await ending->wait();  // nothing else happens: the pulse alone can end it
    EXPECT_EQ(ending->record->state, JobState::expired);
}
TEST_P(ServiceTest, KeepsTheCoresTime) {
    run(&ServiceTest::a_ttl);
}

asio::awaitable<void> ServiceTest::watching() {
    auto accepted = co_await service.submit(submission(nullptr));
    const JobId id = accepted->id;
    Scope scope;
    scope.tenant = TenantId("acme");
    const auto gone = std::make_shared<Ending>(home());
    const auto stays = std::make_shared<Ending>(home());
    const auto ticket = co_await service.watch(scope, id, 0, gone);
    (void)co_await service.watch(scope, id, 0, stays);
    service.unwatch(*ticket);
    give_slot();
    co_await stays->wait();
    EXPECT_EQ(gone->record, nullptr);
    EXPECT_EQ(gone.use_count(), 1);
    auto promoted = co_await service.promote(id);
    EXPECT_EQ(promoted->record->state, JobState::succeeded);
    service.hang_up(id);
    auto cancelled = co_await service.cancel(scope, id);
    EXPECT_EQ(cancelled.error().code, ErrorCode::conflict);
    auto found = co_await service.get(scope, id);
    EXPECT_EQ(found->record->state, JobState::succeeded);
}
TEST_P(ServiceTest, UnwatchEndsTheEvents) {
    run(&ServiceTest::watching);
}

asio::awaitable<void> ServiceTest::shedding() {
    give_slot();
    service.accept_streams(false);
    const auto refused = co_await service.submit(submission(std::make_shared<Ending>(home())));
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_EQ(refused.error().retry_after_s, 5);
    const auto whole = std::make_shared<Ending>(home(), false);
    const auto taken = co_await service.submit(submission(whole));
    EXPECT_TRUE(taken.has_value()) << "who waits for the whole answer is served";
    co_await whole->wait();
    service.accept_streams(true);
    const auto again = std::make_shared<Ending>(home());
    const auto streamed = co_await service.submit(submission(again));
    EXPECT_TRUE(streamed.has_value());
    co_await again->wait();
}
TEST_P(ServiceTest, StreamsAreShedAlone) {
    run(&ServiceTest::shedding);
}

INSTANTIATE_TEST_SUITE_P(Loops, ServiceTest, testing::Bool(), [](const auto& with) {
    return with.param ? std::string("Two") : std::string("One");
});

}  // namespace
}  // namespace headrace::jobs
