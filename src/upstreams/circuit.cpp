#include "upstreams/circuit.hpp"

#include <algorithm>

#include "upstreams/faults.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::chrono::milliseconds kLongestAsked{3'600'000};

}  // namespace

bool Circuit::admits(SteadyTime now) const {
    switch (phase_) {
        case Phase::closed:
        case Phase::open:
        case Phase::starting:
            return now >= until_;
        case Phase::half_open:
            return planted(Plant::many_trials);  // the trial is under way
    }
    return false;
}

Circuit::Ticket Circuit::begin(SteadyTime now) {
    const bool shut = phase_ == Phase::open || phase_ == Phase::starting;
    if (shut && now >= until_) {
        phase_ = Phase::half_open;
        ++state_;
        return {state_, true};
    }
    return {state_, phase_ == Phase::starting};
}

void Circuit::succeeded(Ticket ticket, SteadyTime /*now*/) {
    if (stale(ticket)) return;
    asked_until_ = {};
    in_a_row_ = 0;
    openings_ = 0;
    awaited_ = false;
    if (ticket.trial) close();
}

void Circuit::failed(Ticket ticket, SteadyTime now, std::string reason) {
    if (stale(ticket) || expected(now)) return;
    if (!planted(Plant::never_opens)) ++in_a_row_;
    if (ticket.trial || in_a_row_ >= limits_.failures) open(now, std::move(reason));
}

void Circuit::refused(Ticket ticket, SteadyTime now, std::string reason) {
    if (planted(Plant::key_refusal_ignored)) return no_verdict(ticket);
    if (!stale(ticket)) open(now, std::move(reason));
}

void Circuit::busy(Ticket ticket, SteadyTime now, std::chrono::milliseconds pause,
                   std::string reason) {
    if (stale(ticket)) return;
    if (ticket.trial) close();
    asked_until_ = std::max(asked_until_, now + std::min(pause, kLongestAsked));
    pause = std::clamp(pause, std::chrono::milliseconds(1), limits_.longest_pause);
    if (planted(Plant::pause_ignored)) return;
    // The longest of several answers holds.
    until_ = std::max(until_, now + pause);
    reason_ = std::move(reason);
}

void Circuit::no_verdict(Ticket ticket) {
    if (stale(ticket) || phase_ != Phase::half_open) return;
    if (planted(Plant::trial_forgotten)) return;
    // Nothing was learnt: the next one is the trial.
    phase_ = Phase::open;
    ++state_;
}

void Circuit::heard_from(SteadyTime now) {
    if (phase_ == Phase::open) until_ = std::min(until_, now);
}

void Circuit::expect(SteadyTime until, SteadyTime now) {
    if (awaited_ || health(now) == Health::paused || planted(Plant::start_unawaited)) return;
    awaited_ = true;
    phase_ = Phase::starting;
    ++state_;
    in_a_row_ = 0;
    until_ = until;
    reason_ = "it starts";
}

void Circuit::probed(Ticket ticket) {
    if (stale(ticket) || !ticket.trial) return;
    close();
    if (planted(Plant::probe_ends_back_off)) openings_ = 0;
}

Health Circuit::health(SteadyTime now) const {
    switch (phase_) {
        case Phase::half_open:
            return Health::half_open;
        case Phase::open:
            return now < until_ ? Health::open : Health::half_open;
        case Phase::starting:
            return now < until_ ? Health::starting : Health::half_open;
        case Phase::closed:
            break;
    }
    return now < until_ ? Health::paused : Health::up;
}

void Circuit::open(SteadyTime now, std::string reason) {
    const bool started = phase_ == Phase::starting;
    phase_ = Phase::open;
    ++state_;
    const auto doubled = limits_.first * (1ULL << std::min(openings_, 16U));
    const std::chrono::duration<double, std::milli> time =
        std::min<std::chrono::milliseconds>(doubled, limits_.most);
    // Between half of it and all of it, so that many servers do not come back in step.
    const SteadyTime over =
        now + std::chrono::duration_cast<std::chrono::milliseconds>(time * (0.5 + random() / 2));
    // A pause that it asked for before holds where it is longer.
    until_ = started || planted(Plant::pause_lost) ? over : std::max(until_, over);
    if (!planted(Plant::back_off_constant)) ++openings_;
    in_a_row_ = 0;
    reason_ = std::move(reason);
}

void Circuit::close() {
    phase_ = Phase::closed;
    ++state_;
    awaited_ = false;
    in_a_row_ = 0;
    until_ = {};
    asked_until_ = {};
    reason_.clear();
}

double Circuit::random() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return static_cast<double>(random_ >> 11) / 9007199254740992.0;
}

}  // namespace headrace::upstreams
