#include "upstreams/pool.hpp"

#include <algorithm>
#include <tuple>

#include "upstreams/faults.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::uint32_t kMostCapacity = 4'096;  // what the core takes of one worker

bool before(const Member& a, const Member& b) {
    if (planted(Plant::priority_ignored)) return a.burden() < b.burden();
    if (planted(Plant::weight_ignored)) {
        return std::tuple(a.priority, a.in_flight) < std::tuple(b.priority, b.in_flight);
    }
    return std::tuple(a.priority, a.burden(), a.last_used) <
           std::tuple(b.priority, b.burden(), b.last_used);
}

}  // namespace

Chosen choose(std::span<const Member* const> members, SteadyTime now,
              std::span<const Member* const> tried) {
    Chosen best;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const Member& member = *members[i];
        if (!member.up(now)) continue;
        const bool again = std::find(tried.begin(), tried.end(), &member) != tried.end();
        if (again && !planted(Plant::tried_again)) continue;
        if (!member.has_room(now)) {
            if (best.choice == Choice::none) best.choice = Choice::full;
            continue;
        }
        if (best.choice != Choice::found || before(member, *members[best.index])) {
            best = {Choice::found, i};
        }
    }
    return best;
}

void PoolCredit::leased(std::uint32_t jobs) {
    active_ += jobs;
    outstanding_ -= std::min(outstanding_, jobs);
}

std::uint32_t PoolCredit::due(std::uint32_t capacity, std::uint32_t held) {
    std::uint32_t wanted = 0;
    if (capacity > 0) {
        const std::uint32_t most = std::min(capacity, kMostCapacity);
        wanted = active_ < most ? most - active_ : 0;
    } else if (held < kMostHeld && !planted(Plant::nobody_up_unsaid)) {
        wanted = 1;
    }
    return wanted > outstanding_ ? wanted - outstanding_ : 0;
}

bool PoolCredit::crowded(std::uint32_t capacity, std::uint32_t held) {
    return capacity == 0 && held >= kMostHeld;
}

int seconds_to_wait(std::span<const Member* const> members, SteadyTime now) {
    constexpr std::chrono::seconds kMost{3'600};
    std::optional<std::chrono::nanoseconds> least;
    for (const Member* member : members) {
        if (!member->enabled) continue;
        if (member->up(now)) return 0;
        // While a trial is under way its end is not known: soon.
        const bool trial = member->circuit.until() <= now;
        const std::chrono::nanoseconds left =
            trial ? std::chrono::seconds(1)
                  : std::max<std::chrono::nanoseconds>(member->circuit.hopeful_at() - now,
                                                       std::chrono::nanoseconds(0));
        if (!least || left < *least) least = left;
    }
    if (!least) return 0;
    return static_cast<int>(
        std::min(std::chrono::ceil<std::chrono::seconds>(*least), kMost).count());
}

std::uint32_t capacity_of(std::span<const Member* const> members, SteadyTime now) {
    std::uint64_t sum = 0;
    for (const Member* member : members) {
        if (member->up(now)) sum += member->room;
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, kMostCapacity));
}

}  // namespace headrace::upstreams
