#include "base/await.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "base/task_group.hpp"

namespace headrace {
namespace {

class Await : public testing::Test {
  protected:
    using Done = UniqueFunction<void(Result<int>)>;

    asio::awaitable<void> ask_another_thread() {
        auto start = [this](Done done) {
            other_ = std::thread([done = std::move(done)]() mutable { done(7); });
        };
        answer_ = co_await await_result<int>(start);
        on_own_loop_ = loop_.is_current();
        loop_.stop();
    }
    asio::awaitable<void> ask_at_once() {
        auto start = [](Done done) { done(fail(ErrorCode::gone, "no")); };
        answer_ = co_await await_result<int>(start);
        loop_.stop();
    }
    void run(asio::awaitable<void> task) {
        TaskGroup group(loop_.io().get_executor());
        group.spawn("test", std::move(task));
        loop_.run();
        if (other_.joinable()) other_.join();
    }

    Loop loop_{"test"};
    std::thread other_;
    Result<int> answer_ = fail(ErrorCode::internal, "not yet");
    bool on_own_loop_ = false;
};

TEST_F(Await, GoesOnOnItsOwnLoop) {
    run(ask_another_thread());
    ASSERT_TRUE(answer_);
    EXPECT_EQ(*answer_, 7);
    EXPECT_TRUE(on_own_loop_);
}

TEST_F(Await, AnAnswerInsideTheCallIsFine) {
    run(ask_at_once());
    ASSERT_FALSE(answer_);
    EXPECT_EQ(answer_.error().code, ErrorCode::gone);
}

}  // namespace
}  // namespace headrace
