#include "jobs/waiting.hpp"

#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>

namespace headrace::jobs {

void Bell::ring() {
    rang_ = true;
    timer_.cancel();
}

asio::awaitable<bool> Bell::wait(std::chrono::milliseconds within) {
    if (!rang_) {
        timer_.expires_after(within);
        // Deferred, the operation needs no coroutine frame of its own: every waited job has one.
        auto begin = [](auto resume, asio::steady_timer* timer) {
            const auto slot = asio::get_associated_cancellation_slot(resume);
            auto over = [resume = std::move(resume)](boost::system::error_code) mutable {
                std::move(resume)();
            };
            timer->async_wait(asio::bind_cancellation_slot(slot, std::move(over)));
        };
        auto rings =
            asio::async_initiate<const asio::deferred_t, void()>(begin, asio::deferred, &timer_);
        co_await std::move(rings);
    }
    co_return std::exchange(rang_, false);
}

void EndWatcher::on_event(const std::shared_ptr<const JobEvent>& event) {
    if (const auto* done = std::get_if<DoneEvent>(&event->what)) {
        record_ = done->record;
        bell_.ring();
    }
}

void EndWatcher::hang_up() {
    gone_ = true;
    bell_.ring();
}

asio::awaitable<EndWatcher::Outcome> EndWatcher::wait(std::chrono::milliseconds within) {
    if (!record_ && !gone_) co_await bell_.wait(within);
    if (record_) co_return Outcome::ended;
    co_return gone_ ? Outcome::gone : Outcome::ran_out;
}

std::uint64_t output_bytes(const JobEvent& event) {
    const auto* output = std::get_if<OutputEvent>(&event.what);
    return output != nullptr ? output->values.size() : 0;
}

void EventFeed::on_event(const Event& event) {
    if (overrun_ || gone_) return;
    bytes_ += output_bytes(*event);
    if (const auto* log = std::get_if<LogEvent>(&event->what)) bytes_ += log->line.size();
    if (const auto* step = std::get_if<Progress>(&event->what)) bytes_ += step->values.size();
    events_.push_back(event);
    if (events_.size() > kMaxEvents || bytes_ > kMaxBytes) {
        overrun_ = true;
        events_.clear();
    }
    bell_.ring();
}

void EventFeed::hang_up() {
    gone_ = true;
    bell_.ring();
}

asio::awaitable<std::vector<EventFeed::Event>> EventFeed::take(std::chrono::milliseconds within) {
    // A ring may be that of events which an earlier take() has had.
    while (events_.empty() && !gone_ && !overrun_) {
        const bool rang = co_await bell_.wait(within);
        if (!rang) break;
    }
    bytes_ = 0;
    co_return std::exchange(events_, {});
}

}  // namespace headrace::jobs
