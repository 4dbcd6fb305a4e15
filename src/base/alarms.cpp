#include "base/alarms.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/turn_end.hpp"

namespace headrace {

asio::execution_context::id Alarms::id;

Alarms::Alarms(asio::execution_context& context)
    : service(context), timer_(static_cast<asio::io_context&>(context)) {}

Alarms::Ticket Alarms::add(Time time, UniqueFunction<void()> then) {
    // Most waits are as long as the last one.
    const auto ticket = waits_.emplace_hint(waits_.end(), time, std::move(then));
    if (time < armed_for_) arm();
    return ticket;
}

void Alarms::ring(Ticket ticket) {
    if (over_) return;
    auto then = std::move(ticket->second);
    waits_.erase(ticket);
    if (!TurnEnd::take(then)) asio::post(timer_.get_executor(), std::move(then));
}

void Alarms::arm() {
    armed_for_ = waits_.begin()->first;
    timer_.expires_at(armed_for_);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) sound();
    });
}

/// The earliest one may have been rung long ago: the timer stays where it was, and looks again.
void Alarms::sound() {
    armed_for_ = Time::max();
    const auto now = std::chrono::steady_clock::now();
    while (!waits_.empty() && waits_.begin()->first <= now) {
        auto then = std::move(waits_.begin()->second);
        waits_.erase(waits_.begin());
        then();
    }
    if (!waits_.empty() && waits_.begin()->first < armed_for_) arm();
}

void Alarms::shutdown() {
    over_ = true;
    // What ends with a call may ring another one.
    const Waits dropped = std::move(waits_);
}

}  // namespace headrace
