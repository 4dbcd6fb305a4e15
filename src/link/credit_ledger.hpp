#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace headrace::link {

/// The credit a worker has given and nobody has used: what must be given again when a link is
/// resumed or replaced, because the core forgets credit with the link. Pure.
class CreditLedger {
  public:
    struct Set {
        std::vector<std::uint32_t> offers;
        std::uint32_t slots = 0;
    };

    void give(std::span<const std::uint32_t> offers, std::uint32_t slots) {
        const auto found = std::ranges::find_if(
            sets_, [&](const Set& set) { return std::ranges::equal(set.offers, offers); });
        if (found != sets_.end())
            found->slots = std::min(found->slots + std::min(slots, kMost), kMost);
        else if (sets_.size() < kMostSets)
            sets_.push_back({{offers.begin(), offers.end()}, std::min(slots, kMost)});
    }

    /// A batch of this offer was leased. Of several sets that hold it, the first that has room
    /// pays.
    void take(std::uint32_t offer) {
        for (auto& set : sets_) {
            if (set.slots == 0 || std::ranges::find(set.offers, offer) == set.offers.end())
                continue;
            --set.slots;
            return;
        }
    }

    [[nodiscard]] std::span<const Set> sets() const { return sets_; }

  private:
    static constexpr std::uint32_t kMost = 4096;
    static constexpr std::size_t kMostSets = 64;
    std::vector<Set> sets_;
};

}  // namespace headrace::link
