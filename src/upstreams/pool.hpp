#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "upstreams/circuit.hpp"
#include "upstreams/faults.hpp"

namespace headrace::upstreams {

/// What the choice needs to know of a server. Pure; one object for all pools that the server is in.
struct Member {
    Member(Circuit::Limits limits, std::uint64_t seed) : circuit(limits, seed) {}

    Circuit circuit;
    std::uint32_t priority = 0;
    double weight = 1;
    std::uint32_t room = 1;       // calls at a time
    std::uint32_t in_flight = 0;  // ours
    double elsewhere = 0;         // calls of others, as far as it told
    bool enabled = true;
    std::uint64_t last_used = 0;  // rises over all members

    /// Its share of the load: the smaller, the sooner it is next.
    [[nodiscard]] double burden() const { return (in_flight + elsewhere) / weight; }
    /// Up, or about to be: worth waiting for.
    [[nodiscard]] bool up(SteadyTime now) const {
        return (enabled || planted(Plant::disabled_called)) &&
               (circuit.admits(now) || circuit.expected(now));
    }
    [[nodiscard]] bool has_room(SteadyTime now) const {
        return circuit.admits(now) && in_flight < room + (planted(Plant::room_exceeded) ? 1 : 0);
    }
};

/// What there is for a call.
enum class Choice : std::uint8_t {
    found,
    full,  // somebody is up, and busy with as much as it may have or about to begin
    none,  // nobody is up who was not tried yet
};

struct Chosen {
    Choice choice = Choice::none;
    std::size_t index = 0;
};

/// The member for the next call: up, not tried yet, with room; of these the lowest priority number,
/// then the smallest burden, then the one that has waited longest. A member of a higher priority
/// number is used only when no better one has room.
Chosen choose(std::span<const Member* const> members, SteadyTime now,
              std::span<const Member* const> tried);

/// How many jobs the core may have given to a pool: credit that it has not used, and jobs that it
/// has. Pure.
class PoolCredit {
  public:
    static constexpr std::uint32_t kMostHeld = 256;  // jobs that wait in the pool
    /// The core gave `jobs` of its credit back as leases.
    void leased(std::uint32_t jobs);
    void ended() { active_ -= planted(Plant::credit_lost) ? 0 : 1; }
    /// Credit to give now, when the members that are up have room for `capacity` calls together:
    /// as much as is free; with none up always one more job, which is told so at once.
    /// `held` of the active ones wait for a member to come back: not without bound.
    std::uint32_t due(std::uint32_t capacity, std::uint32_t held);
    /// With none up, as many jobs wait in the pool as may.
    [[nodiscard]] static bool crowded(std::uint32_t capacity, std::uint32_t held);
    void given(std::uint32_t credit) { outstanding_ += credit; }
    /// The worker was attached anew.
    void forget() { outstanding_ = 0; }

    [[nodiscard]] std::uint32_t active() const { return active_; }
    [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }

  private:
    std::uint32_t active_ = 0;
    std::uint32_t outstanding_ = 0;
};

/// Seconds after which a call may find a member that takes it, for one that found none: the
/// earliest of all that are enabled. 0 when one is up, or none ever will be.
int seconds_to_wait(std::span<const Member* const> members, SteadyTime now);

/// What members that are up take together, without regard to other pools.
std::uint32_t capacity_of(std::span<const Member* const> members, SteadyTime now);

}  // namespace headrace::upstreams
