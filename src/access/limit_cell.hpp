#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "access/counter_store.hpp"
#include "access/limit_rules.hpp"
#include "base/clock.hpp"
#include "base/unique_function.hpp"

namespace headrace::access {

/// What one subject of a limit has used: its windows and how many of its requests run. Pure: time
/// is an argument, and nothing here waits. The caller holds `mutex` around every call.
///
/// A window begins at a full minute or at midnight UTC, so that servers that share counters mean
/// the same one. Alone, a server may use the whole limit; with shared counters it uses up shares
/// that the store granted it.
class LimitCell {
  public:
    LimitCell(LimitSubject subject, const Limits& limits, bool shared);

    enum class Verdict : std::uint8_t { fits, refused, lacks_share };
    struct Answer {
        Verdict verdict = Verdict::fits;
        LimitKind kind = LimitKind::requests_per_minute;
    };

    /// Moves on to the windows of `now`. Call before anything else.
    void roll(WallMs now);
    /// Whether one more request of so many tokens may run.
    [[nodiscard]] Answer check(std::uint64_t tokens) const;
    /// Counts it; it has fitted.
    void admit(std::uint64_t tokens);

    /// One request less is running.
    void release() { --running_; }
    /// Corrects what admit() counted at `admitted`: in the same window to `used`; what was used
    /// beyond the estimate counts in the present one.
    void settle(WallMs admitted, std::uint64_t estimate, std::uint64_t used);
    /// The request did not happen.
    void withdraw(WallMs admitted);
    /// Tokens that no admit() has counted.
    void charge(std::uint64_t tokens);

    [[nodiscard]] std::optional<Quota> quota(LimitKind kind, WallMs now) const;
    void set_limits(const Limits& limits);
    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] const LimitSubject& subject() const { return subject_; }

    // Shared counters. One ask is under way at a time.
    static constexpr WallMs kAloneMs = 10'000;
    /// What to ask the store for: for whatever is lacking or will be soon. Empty when nothing is,
    /// or an ask is under way; after a non-empty one exactly one of the two below must follow.
    [[nodiscard]] std::vector<ShareAsk> begin_ask(std::uint64_t tokens);
    void granted(const std::vector<ShareAsk>& asks, const std::vector<Share>& shares);
    /// The store is away: for a while this server counts alone, up to the whole limit. What it used
    /// meanwhile is charged when the store is back.
    void store_failed();
    [[nodiscard]] bool asking() const { return asking_; }
    /// Called, outside the lock, by whoever ends the ask.
    std::vector<UniqueFunction<void()>> waiters;

    std::mutex mutex;

  private:
    struct Window {
        std::int64_t index = -1;
        std::uint64_t used = 0;       // by this server
        std::uint64_t share = 0;      // granted to this server, and charged by it
        std::uint64_t elsewhere = 0;  // taken by other servers, as last heard
        WallMs alone_until = 0;       // the store is away: counted here alone, then asked again
        bool exhausted = false;       // the store has no more
    };
    static constexpr std::size_t kWindows = 3;  // the LimitKinds before concurrency

    [[nodiscard]] std::uint64_t limit(std::size_t i) const;
    [[nodiscard]] std::uint64_t budget(std::size_t i) const;
    [[nodiscard]] bool shares(const Window& window) const;
    [[nodiscard]] std::optional<ShareAsk> ask_for(std::size_t i, std::uint64_t need) const;

    LimitSubject subject_;
    Limits limits_;
    const bool shared_;
    std::array<Window, kWindows> windows_;
    std::array<std::int64_t, kWindows> asked_{-1, -1, -1};  // the window that an ask is about
    WallMs now_ = 0;
    std::uint64_t running_ = 0;
    bool asking_ = false;
};

}  // namespace headrace::access
