#include "base/task_group.hpp"

#include <exception>
#include <string>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.hpp"

namespace headrace {

struct TaskGroup::State {
    explicit State(const asio::any_io_executor& executor) : idle(executor) {
        idle.expires_at(asio::steady_timer::time_point::max());
    }
    std::list<asio::cancellation_signal> running;
    asio::steady_timer idle;  // cancelled whenever the last coroutine ends
};

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : executor_(std::move(executor)), state_(std::make_shared<State>(executor_)) {}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string_view what, asio::awaitable<void> task) {
    auto state = state_;
    const auto signal = state->running.emplace(state->running.end());
    asio::co_spawn(
        executor_, std::move(task),
        asio::bind_cancellation_slot(
            signal->slot(), [state, signal, what = std::string(what)](std::exception_ptr error) {
                state->running.erase(signal);
                if (state->running.empty()) state->idle.cancel();
                if (!error) return;
                try {
                    std::rethrow_exception(error);
                } catch (const boost::system::system_error& e) {
                    if (e.code() != asio::error::operation_aborted) {
                        log::warn("task ended with an error task={} error={}", what,
                                  e.code().message());
                    }
                } catch (const std::exception& e) {
                    log::error("task ended with an exception task={} error={}", what, e.what());
                }
            }));
}

void TaskGroup::cancel() {
    // Cancelling may end a coroutine at once, and so change the list: take the next before each.
    for (auto it = state_->running.begin(); it != state_->running.end();) {
        auto& signal = *it++;
        signal.emit(asio::cancellation_type::terminal);
    }
}

asio::awaitable<void> TaskGroup::join() {
    auto state = state_;
    while (!state->running.empty()) {
        boost::system::error_code ignored;
        co_await state->idle.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if ((co_await asio::this_coro::cancellation_state).cancelled() !=
            asio::cancellation_type::none) {
            co_return;
        }
    }
}

std::size_t TaskGroup::size() const {
    return state_->running.size();
}

}  // namespace headrace
