#include "jobs/waiting.hpp"

#include <gtest/gtest.h>

#include "base/loop.hpp"
#include "base/task_group.hpp"

namespace headrace::jobs {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const JobEvent> event(std::uint64_t id, decltype(JobEvent::what) what) {
    return std::make_shared<const JobEvent>(JobEvent{id, std::move(what)});
}

std::shared_ptr<const JobEvent> output(std::uint64_t id, std::size_t bytes) {
    return event(id, OutputEvent{std::string(bytes, 'x'), false});
}

class Waiting : public testing::Test {
  protected:
    /// Runs one coroutine to its end.
    void run(asio::awaitable<void> task) {
        TaskGroup group(loop_.io().get_executor());
        group.spawn("test", finish(std::move(task)));
        loop_.run();
    }
    asio::awaitable<void> finish(asio::awaitable<void> task) {
        co_await std::move(task);
        loop_.stop();
    }
    asio::awaitable<void> wait_for_end(std::shared_ptr<EndWatcher> end,
                                       std::chrono::milliseconds within) {
        outcome_ = co_await end->wait(within);
    }
    asio::awaitable<void> take(std::shared_ptr<EventFeed> feed, std::chrono::milliseconds within) {
        taken_ = co_await feed->take(within);
    }
    asio::awaitable<void> take_twice(std::shared_ptr<EventFeed> feed) {
        taken_ = co_await feed->take(60s);
        const auto began = std::chrono::steady_clock::now();
        taken_ = co_await feed->take(20ms);
        waited_ = std::chrono::steady_clock::now() - began;
    }
    std::shared_ptr<EndWatcher> end() {
        return std::make_shared<EndWatcher>(loop_.io().get_executor());
    }
    std::shared_ptr<EventFeed> feed() {
        return std::make_shared<EventFeed>(loop_.io().get_executor());
    }

    Loop loop_{"test"};
    EndWatcher::Outcome outcome_ = EndWatcher::Outcome::ran_out;
    std::vector<EventFeed::Event> taken_;
    std::chrono::nanoseconds waited_{};
};

TEST_F(Waiting, EndsWithTheJob) {
    const auto watcher = end();
    loop_.post([watcher] {
        watcher->on_event(event(1, StateEvent{}));
        watcher->on_event(event(2, DoneEvent{std::make_shared<JobRecord>()}));
    });
    run(wait_for_end(watcher, 60s));
    EXPECT_EQ(outcome_, EndWatcher::Outcome::ended);
    EXPECT_NE(watcher->record(), nullptr);
}

TEST_F(Waiting, AnEndBeforeTheWaitCounts) {
    const auto watcher = end();
    watcher->on_event(event(1, DoneEvent{std::make_shared<JobRecord>()}));
    run(wait_for_end(watcher, 60s));
    EXPECT_EQ(outcome_, EndWatcher::Outcome::ended);
}

TEST_F(Waiting, RunsOut) {
    run(wait_for_end(end(), 1ms));
    EXPECT_EQ(outcome_, EndWatcher::Outcome::ran_out);
}

TEST_F(Waiting, TheClientLeft) {
    const auto watcher = end();
    loop_.post([watcher] { watcher->hang_up(); });
    run(wait_for_end(watcher, 60s));
    EXPECT_EQ(outcome_, EndWatcher::Outcome::gone);
}

TEST_F(Waiting, AFeedGivesEverythingInOrder) {
    const auto events = feed();
    loop_.post([events] {
        for (std::uint64_t id = 1; id <= 3; ++id) events->on_event(output(id, 10));
    });
    run(take(events, 60s));
    ASSERT_EQ(taken_.size(), 3U);
    EXPECT_EQ(taken_[2]->id, 3U);
}

TEST_F(Waiting, ARingForWhatWasTakenWakesNobody) {
    const auto events = feed();
    events->on_event(output(1, 1));
    run(take_twice(events));  // the first is had without waiting: its ring is still to come
    EXPECT_TRUE(taken_.empty());
    EXPECT_GE(waited_, 20ms);
}

TEST_F(Waiting, ASlowReaderIsDropped) {
    const auto by_count = feed();
    for (std::size_t i = 0; i <= EventFeed::kMaxEvents; ++i) by_count->on_event(output(i + 1, 1));
    EXPECT_TRUE(by_count->overrun());
    const auto by_bytes = feed();
    by_bytes->on_event(output(1, EventFeed::kMaxBytes + 1));
    EXPECT_TRUE(by_bytes->overrun());
    const auto in_time = feed();
    in_time->on_event(output(1, EventFeed::kMaxBytes));
    EXPECT_FALSE(in_time->overrun());
    run(take(by_bytes, 60s));
    EXPECT_TRUE(taken_.empty());
}

}  // namespace
}  // namespace headrace::jobs
