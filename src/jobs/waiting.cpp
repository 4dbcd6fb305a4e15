#include "jobs/waiting.hpp"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace headrace::jobs {

void Bell::ring() {
    rang_ = true;
    timer_.cancel();
}

asio::awaitable<bool> Bell::wait(std::chrono::milliseconds within) {
    if (!rang_) {
        timer_.expires_after(within);
        boost::system::error_code error;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
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
