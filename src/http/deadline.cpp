#include "http/deadline.hpp"

#include <boost/asio/steady_timer.hpp>

namespace headrace::http {

struct Deadline::State {
    explicit State(const boost::asio::any_io_executor& executor) : timer(executor) {}
    boost::asio::steady_timer timer;
    UniqueFunction<void()> expire;
    std::uint64_t turn = 0;  // tells a wait that was replaced from the one in force
    bool expired = false;
};

Deadline::Deadline(boost::asio::any_io_executor executor)
    : state_(std::make_shared<State>(executor)) {}

Deadline::~Deadline() {
    disarm();
}

void Deadline::arm(SteadyTime at, UniqueFunction<void()> expire) {
    state_->expired = false;
    state_->expire = std::move(expire);
    const auto turn = ++state_->turn;
    state_->timer.expires_at(at);
    state_->timer.async_wait([state = state_, turn](boost::system::error_code error) {
        if (error || turn != state->turn) return;
        state->expired = true;
        auto run = std::move(state->expire);
        state->expire = nullptr;
        if (run) run();
    });
}

void Deadline::disarm() {
    ++state_->turn;
    state_->expire = nullptr;
    state_->timer.cancel();
}

bool Deadline::expired() const {
    return state_->expired;
}

}  // namespace headrace::http
