#include "upstreams/pool.hpp"

#include <algorithm>
#include <tuple>

namespace headrace::upstreams {
namespace {

constexpr std::uint32_t kMostCapacity = 4'096;  // what the core takes of one worker
constexpr std::uint32_t kMostHeld = 256;        // jobs that wait for a member to come back

bool before(const Member& a, const Member& b) {
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
        if (std::find(tried.begin(), tried.end(), &member) != tried.end()) continue;
        if (!member.has_room()) {
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
    } else if (held < kMostHeld) {
        wanted = 1;
    }
    return wanted > outstanding_ ? wanted - outstanding_ : 0;
}

std::uint32_t capacity_of(std::span<const Member* const> members, SteadyTime now) {
    std::uint64_t sum = 0;
    for (const Member* member : members) {
        if (member->up(now)) sum += member->room;
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, kMostCapacity));
}

}  // namespace headrace::upstreams
