#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "access/limit_rules.hpp"
#include "access/principal.hpp"
#include "access/published.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace::access {

class CounterStore;
class LimitCell;

/// One admitted request, as long as it lives. Destroying it ends the request: it runs no more, and
/// tokens that were never settled are given back; that it was made stays counted. Movable; an empty
/// one stands for a request without limits. Must not outlive its Limiter.
class Permit {
  public:
    Permit() = default;
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&& other) noexcept;
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    ~Permit() { end(); }

    /// What the request really took (prompt and completion), in place of the estimate. At most
    /// once. Not for durable jobs: Limiter::charge() counts theirs when they end.
    void settle(std::uint64_t tokens);
    /// The request did not happen (refused by the core, say): it counts nowhere.
    void withdraw();
    /// For the answer's x-ratelimit headers (limit_headers()), as things stand now.
    [[nodiscard]] LimitsView view() const;

  private:
    friend class Limiter;
    void end();

    const Clock* clock_ = nullptr;
    WallMs admitted_ = 0;
    std::uint64_t tokens_ = 0;
    bool settled_ = false;
    std::array<std::shared_ptr<LimitCell>, kLimitScopes + 1> cells_;
    std::size_t count_ = 0;
};

/// Holds requests against the limits of their key, app, tenant and model. Exact: of requests that
/// race for a limit of 1 000, 1 000 are admitted. Thread-safe; takes no lock where nothing is
/// limited, and else one for each limited subject of the request. Its memory is bounded by the
/// rules: what has none is not counted.
class Limiter {
  public:
    /// `shared`: counters that several servers share, or null: this one counts alone. Requests that
    /// run at once are counted by each server for itself. Both must outlive the limiter.
    explicit Limiter(const Clock& clock, CounterStore* shared = nullptr);
    ~Limiter();
    Limiter(const Limiter&) = delete;
    Limiter& operator=(const Limiter&) = delete;

    /// Puts a rule in the place of the subject's old one; what was used stays counted. Rules
    /// without any limit remove it.
    void set(std::vector<LimitRule> rules);

    /// Admits a request of about so many tokens, or says which limit it meets: `quota_exceeded`
    /// with retry_after_s and one violation such as {"key.requests_per_minute", "limit", "60"}. A
    /// refused request counts nowhere. `model`: the model's or capability's id, as rules name it.
    ///
    /// With shared counters it may say `unavailable`: this server first needs a share of a counter.
    /// Then `co_await admit_with_share(…)` (access/admission.hpp) does the same and waits for it.
    [[nodiscard]] Result<Permit> admit(const Principal& who, std::string_view model,
                                       std::uint64_t tokens);
    /// Asks for the shares that admit() lacks; `done` runs when it is worth trying again. At once
    /// when nothing is lacking.
    void fetch_share(const Principal& who, std::string_view model, std::uint64_t tokens,
                     UniqueFunction<void(Result<void>)> done);

    /// How the limits of such a request stand: for the headers of a refusal.
    [[nodiscard]] LimitsView view(const Principal& who, std::string_view model) const;
    /// Tokens of a request whose permit is gone (a durable job, when it ends).
    void charge(const Principal& who, std::string_view model, std::uint64_t tokens);

    /// Requests refused so far.
    [[nodiscard]] std::uint64_t refused(LimitScope scope, LimitKind kind) const;
    /// Subjects that are counted.
    [[nodiscard]] std::size_t subjects() const { return rules_.load(std::memory_order_relaxed); }

  private:
    struct Table;
    using Cells = std::array<std::shared_ptr<LimitCell>, kLimitScopes + 1>;

    std::size_t find(const Principal& who, std::string_view model, Cells& out) const;
    void top_up(const std::shared_ptr<LimitCell>& cell, std::uint64_t tokens);
    Error refusal(const LimitCell& cell, LimitKind kind, std::uint64_t tokens, WallMs now) const;

    const Clock& clock_;
    CounterStore* const shared_;
    Published<Table> table_;
    std::atomic<std::size_t> rules_{0};
    std::array<std::array<std::atomic<std::uint64_t>, kLimitKinds>, kLimitScopes> refused_{};
};

}  // namespace headrace::access
