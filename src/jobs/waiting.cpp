#include "jobs/waiting.hpp"

#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/context.hpp>

namespace headrace::jobs {

Bell::Bell(const asio::any_io_executor& executor)
    : alarms_(asio::use_service<Alarms>(asio::query(executor, asio::execution::context))) {}

void Bell::ring() {
    rang_ = true;
    wake();
}

void Bell::wake() {
    if (std::exchange(waits_, false)) alarms_.ring(ticket_);
}

/// Awaited, it ends with the ring or the time. Deferred, it needs no coroutine frame of its own.
auto Bell::rings(std::chrono::milliseconds within) {
    auto begin = [](auto resume, Bell* bell, std::chrono::milliseconds most) {
        auto slot = asio::get_associated_cancellation_slot(resume);
        auto over = [bell, resume = std::move(resume)]() mutable {
            bell->waits_ = false;
            std::move(resume)();
        };
        const auto until = std::chrono::steady_clock::now() + most;
        bell->ticket_ = bell->alarms_.add(until, std::move(over));
        bell->waits_ = true;
        if (slot.is_connected()) {
            slot.assign([bell](asio::cancellation_type) { bell->wake(); });
        }
    };
    return asio::async_initiate<const asio::deferred_t, void()>(begin, asio::deferred, this,
                                                                within);
}

asio::awaitable<bool> Bell::wait(std::chrono::milliseconds within) {
    if (!rang_) {
        auto rung = rings(within);
        co_await std::move(rung);
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
    if (!record_ && !gone_) {
        auto rung = bell_.rings(within);
        co_await std::move(rung);
    }
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
