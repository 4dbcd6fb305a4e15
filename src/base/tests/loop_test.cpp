#include "base/loop.hpp"
#include "base/task_group.hpp"

#include <gtest/gtest.h>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace headrace {
namespace {

TEST(Loop, RunsPostedTasksInOrder) {
    Loop loop("test");
    std::vector<int> seen;
    std::thread other([&] {
        for (int i = 0; i < 1000; ++i) loop.post([&seen, i] { seen.push_back(i); });
        loop.post([&loop] { loop.stop(); });
    });
    loop.run();
    other.join();
    ASSERT_EQ(seen.size(), 1000U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(Loop, DispatchIsInlineOnItsOwnThread) {
    Loop loop("test");
    bool inline_call = false;
    loop.post([&] {
        loop.dispatch([&] { inline_call = true; });
        EXPECT_TRUE(inline_call);
        EXPECT_EQ(Loop::current(), &loop);
        loop.stop();
    });
    loop.run();
    EXPECT_EQ(Loop::current(), nullptr);
}

asio::awaitable<void> wait_for_ever() {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> cancel_and_join(TaskGroup& group, Loop& loop) {
    group.cancel();
    co_await group.join();
    loop.stop();
}

TEST(TaskGroup, CancelThenJoinEndsEveryTask) {
    Loop loop("test");
    TaskGroup group(loop.io().get_executor());
    TaskGroup closer(loop.io().get_executor());
    for (int i = 0; i < 3; ++i) group.spawn("waiter", wait_for_ever());
    loop.post([&] { closer.spawn("closer", cancel_and_join(group, loop)); });
    loop.run();
    EXPECT_EQ(group.size(), 0U);
}

}  // namespace
}  // namespace headrace
