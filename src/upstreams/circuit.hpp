#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::upstreams {

/// Whether a server may be called now. Pure: time comes with each call.
///
/// A call that leaves takes a ticket and brings it back with its end. An end that belongs to an
/// older state (the circuit has opened, or closed again, meanwhile) changes nothing.
class Circuit {
  public:
    struct Limits {
        std::uint32_t failures = 3;  // in a row that open it
        std::chrono::milliseconds first{1'000};
        std::chrono::milliseconds most{60'000};
        std::chrono::milliseconds longest_pause{300'000};
    };
    struct Ticket {
        std::uint64_t state = 0;
        bool trial = false;
    };

    Circuit(Limits limits, std::uint64_t seed) : limits_(limits), random_(seed | 1) {}

    void set_failures(std::uint32_t failures) { limits_.failures = failures; }
    /// A call may leave. While half open that is so until somebody has taken the trial.
    [[nodiscard]] bool admits(SteadyTime now) const;
    /// Takes the trial where there is one; call only when admits().
    Ticket begin(SteadyTime now);

    void succeeded(Ticket ticket, SteadyTime now);
    void failed(Ticket ticket, SteadyTime now, std::string reason);
    /// It does not take our key: opens at once.
    void refused(Ticket ticket, SteadyTime now, std::string reason);
    /// It asks to be left alone: no failure.
    void busy(Ticket ticket, SteadyTime now, std::chrono::milliseconds pause, std::string reason);
    /// The call ended and says nothing of the server (cancelled, the caller's fault).
    void no_verdict(Ticket ticket);
    /// A sign of life that is no answer: ends an open time early, so that a trial may go.
    void heard_from(SteadyTime now);
    /// It says that it starts: until then, or until it is heard to answer, it is neither called nor
    /// blamed; whoever could wait for it waits. A pause that it asked for stays, and nobody is
    /// awaited again who has not answered since the last time.
    void expect(SteadyTime until, SteadyTime now);
    [[nodiscard]] bool expected(SteadyTime now) const {
        return phase_ == Phase::starting && now < until_;
    }
    /// A probe was answered, under a ticket of its own: closes, but the next open time goes on
    /// where the last one was.
    void probed(Ticket ticket);

    [[nodiscard]] Health health(SteadyTime now) const;
    [[nodiscard]] const std::string& reason() const { return reason_; }
    /// When calls may leave again; meaningful while paused or open.
    [[nodiscard]] SteadyTime until() const { return until_; }
    /// When a call may fare better, as a caller is told: like until(), but what the server itself
    /// asked for holds where that is longer than it is left alone.
    [[nodiscard]] SteadyTime hopeful_at() const { return std::max(until_, asked_until_); }
    /// Rises whenever calls begin or cease to be let through.
    [[nodiscard]] std::uint64_t state() const { return state_; }

  private:
    enum class Phase : std::uint8_t { closed, open, half_open, starting };
    void open(SteadyTime now, std::string reason);
    void close();
    [[nodiscard]] bool stale(Ticket ticket) const { return ticket.state != state_; }
    double random();

    Limits limits_;
    Phase phase_ = Phase::closed;
    std::uint64_t state_ = 1;
    std::uint32_t in_a_row_ = 0;
    std::uint32_t openings_ = 0;  // since a call succeeded
    SteadyTime until_{};          // open, starting: end of its time; closed: end of a pause
    SteadyTime asked_until_{};    // the server's own word, unclamped
    bool awaited_ = false;        // and not heard to answer since
    std::string reason_;
    std::uint64_t random_;
};

}  // namespace headrace::upstreams
