#include "access/limits.hpp"

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "access/counter_store.hpp"
#include "access/limit_cell.hpp"
#include "access/sharded_map.hpp"

namespace headrace::access {
namespace {

using Locks = std::array<std::unique_lock<std::mutex>, kLimitScopes + 1>;

struct SubjectView {
    LimitScope scope;
    std::string_view tenant;
    std::string_view name;
};

SubjectView view_of(const LimitSubject& subject) {
    return {subject.scope, subject.tenant.name, subject.name};
}

struct SubjectHash {
    using is_transparent = void;
    std::size_t operator()(const SubjectView& subject) const {
        const std::hash<std::string_view> hash;
        const auto scope = static_cast<std::size_t>(subject.scope);
        return (hash(subject.tenant) * 31 + hash(subject.name)) * kLimitScopes + scope;
    }
    std::size_t operator()(const LimitSubject& subject) const { return (*this)(view_of(subject)); }
};

struct SubjectEqual {
    using is_transparent = void;
    static SubjectView view(const SubjectView& subject) { return subject; }
    static SubjectView view(const LimitSubject& subject) { return view_of(subject); }
    template <class A, class B>
    bool operator()(const A& left, const B& right) const {
        const SubjectView a = view(left);
        const SubjectView b = view(right);
        return a.scope == b.scope && a.name == b.name && a.tenant == b.tenant;
    }
};

std::string_view unit_of(LimitKind kind) {
    switch (kind) {
        case LimitKind::requests_per_minute:
            return "requests a minute";
        case LimitKind::requests_per_day:
            return "requests a day";
        case LimitKind::tokens_per_minute:
            return "tokens a minute";
        case LimitKind::concurrency:
            break;
    }
    return "requests at once";
}

void keep_tighter(std::optional<Quota>& kept, std::optional<Quota> other) {
    if (!other) return;
    const bool tighter = !kept || other->remaining < kept->remaining ||
                         (other->remaining == kept->remaining && other->resets > kept->resets);
    if (tighter) kept = other;
}

void add_view(LimitsView& view, const LimitCell& cell, WallMs now) {
    keep_tighter(view.requests, cell.quota(LimitKind::requests_per_minute, now));
    keep_tighter(view.requests, cell.quota(LimitKind::requests_per_day, now));
    keep_tighter(view.tokens, cell.quota(LimitKind::tokens_per_minute, now));
}

void send_ask(CounterStore& store, std::shared_ptr<LimitCell> cell, std::vector<ShareAsk> asks) {
    auto copy = asks;
    store.take(std::move(copy),
               [cell = std::move(cell), asks = std::move(asks)](Result<std::vector<Share>> shares) {
                   std::vector<UniqueFunction<void()>> waiters;
                   {
                       const std::lock_guard lock(cell->mutex);
                       if (shares && shares->size() == asks.size()) {
                           cell->granted(asks, *shares);
                       } else {
                           cell->store_failed();
                       }
                       waiters.swap(cell->waiters);
                   }
                   for (auto& waiter : waiters) waiter();
               });
}

}  // namespace

struct Limiter::Table {
    using Map = ShardedMap<LimitSubject, std::shared_ptr<LimitCell>, SubjectHash, SubjectEqual>;
    Map cells;
};

Permit::Permit(Permit&& other) noexcept
    : clock_(other.clock_),
      admitted_(other.admitted_),
      tokens_(other.tokens_),
      settled_(other.settled_),
      cells_(std::move(other.cells_)),
      count_(std::exchange(other.count_, 0)) {}

Permit& Permit::operator=(Permit&& other) noexcept {
    if (this == &other) return *this;
    end();
    clock_ = other.clock_;
    admitted_ = other.admitted_;
    tokens_ = other.tokens_;
    settled_ = other.settled_;
    cells_ = std::move(other.cells_);
    count_ = std::exchange(other.count_, 0);
    return *this;
}

void Permit::settle(std::uint64_t tokens) {
    if (count_ == 0 || std::exchange(settled_, true)) return;
    const auto now = clock_->wall();
    for (std::size_t i = 0; i < count_; ++i) {
        LimitCell& cell = *cells_.at(i);
        const std::lock_guard lock(cell.mutex);
        cell.roll(now);
        cell.settle(admitted_, tokens_, tokens);
    }
}

void Permit::withdraw() {
    for (std::size_t i = 0; i < count_; ++i) {
        LimitCell& cell = *cells_.at(i);
        const std::lock_guard lock(cell.mutex);
        cell.withdraw(admitted_);
    }
    end();
}

LimitsView Permit::view() const {
    LimitsView view;
    if (count_ == 0) return view;
    const auto now = clock_->wall();
    for (std::size_t i = 0; i < count_; ++i) {
        LimitCell& cell = *cells_.at(i);
        const std::lock_guard lock(cell.mutex);
        cell.roll(now);
        add_view(view, cell, now);
    }
    return view;
}

void Permit::end() {
    for (std::size_t i = 0; i < count_; ++i) {
        LimitCell& cell = *cells_.at(i);
        {
            const std::lock_guard lock(cell.mutex);
            cell.release();
            if (!settled_) cell.settle(admitted_, tokens_, 0);
        }
        cells_.at(i).reset();
    }
    count_ = 0;
}

Limiter::Limiter(const Clock& clock, CounterStore* shared) : clock_(clock), shared_(shared) {}

Limiter::~Limiter() = default;

void Limiter::set(std::vector<LimitRule> rules) {
    table_.change([&](Table& table) {
        Table::Map::Changes changes(table.cells);
        for (auto& rule : rules) {
            const auto* const found = table.cells.find(rule.subject);
            if (!rule.limits.any()) {
                changes.erase(rule.subject);
            } else if (found != nullptr) {
                const std::lock_guard lock((*found)->mutex);
                (*found)->set_limits(rule.limits);
            } else {
                auto cell =
                    std::make_shared<LimitCell>(rule.subject, rule.limits, shared_ != nullptr);
                changes.put(std::move(rule.subject), std::move(cell));
            }
        }
        rules_.store(table.cells.size(), std::memory_order_relaxed);
    });
}

/// Always in the same order of scopes, so that nobody waits in a circle for their locks.
std::size_t Limiter::find(const Principal& who, std::string_view model, Cells& out) const {
    if (rules_.load(std::memory_order_relaxed) == 0) return 0;
    const Table& table = table_.read();
    const std::string_view tenant = who.tenant.name;
    const std::array<SubjectView, kLimitScopes + 1> subjects{{
        {LimitScope::key, tenant, who.key_id},
        {LimitScope::app, tenant, who.app},
        {LimitScope::tenant, tenant, {}},
        {LimitScope::model, tenant, model},
        {LimitScope::model, kSystemTenant, model},
    }};
    std::size_t count = 0;
    for (const auto& subject : subjects) {
        if (subject.scope == LimitScope::app && subject.name.empty()) continue;
        // Of the system's own tenant both are one rule, and its mutex is locked once.
        const bool again = &subject == &subjects.back() && tenant == kSystemTenant;
        const auto* const found = again ? nullptr : table.cells.find(subject);
        if (found != nullptr) out.at(count++) = *found;
    }
    return count;
}

Result<Permit> Limiter::admit(const Principal& who, std::string_view model, std::uint64_t tokens) {
    Permit permit;
    permit.count_ = 0;
    const auto count = find(who, model, permit.cells_);
    if (count == 0) return permit;
    const auto now = clock_.wall();
    Locks locks;
    const LimitCell* refuser = nullptr;
    LimitCell::Answer answer;
    for (std::size_t i = 0; i < count && answer.verdict != LimitCell::Verdict::refused; ++i) {
        LimitCell& cell = *permit.cells_.at(i);
        locks.at(i) = std::unique_lock(cell.mutex);
        cell.roll(now);
        const auto said = cell.check(tokens);
        if (said.verdict == LimitCell::Verdict::fits) continue;
        answer = said;
        refuser = &cell;
    }
    if (answer.verdict == LimitCell::Verdict::lacks_share) {
        return fail(Error{
            ErrorCode::unavailable, "a share of a limit is still to be fetched; try again", {}, 1});
    }
    if (refuser != nullptr) {
        const auto scope = static_cast<std::size_t>(refuser->subject().scope);
        refused_.at(scope)
            .at(static_cast<std::size_t>(answer.kind))
            .fetch_add(1, std::memory_order_relaxed);
        return fail(refusal(*refuser, answer.kind, tokens, now));
    }
    for (std::size_t i = 0; i < count; ++i) {
        permit.cells_.at(i)->admit(tokens);
        locks.at(i).unlock();
    }
    permit.clock_ = &clock_;
    permit.admitted_ = now;
    permit.tokens_ = tokens;
    permit.count_ = count;
    for (std::size_t i = 0; shared_ != nullptr && i < count; ++i) top_up(permit.cells_.at(i), 0);
    return permit;
}

void Limiter::top_up(const std::shared_ptr<LimitCell>& cell, std::uint64_t tokens) {
    std::vector<ShareAsk> asks;
    {
        const std::lock_guard lock(cell->mutex);
        asks = cell->begin_ask(tokens);
    }
    if (!asks.empty()) send_ask(*shared_, cell, std::move(asks));
}

void Limiter::fetch_share(const Principal& who, std::string_view model, std::uint64_t tokens,
                          UniqueFunction<void(Result<void>)> done) {
    Cells cells;
    const auto count = find(who, model, cells);
    const auto now = clock_.wall();
    for (std::size_t i = 0; i < count; ++i) {
        LimitCell& cell = *cells.at(i);
        std::vector<ShareAsk> asks;
        {
            const std::lock_guard lock(cell.mutex);
            cell.roll(now);
            if (cell.check(tokens).verdict != LimitCell::Verdict::lacks_share) continue;
            asks = cell.begin_ask(tokens);
            if (!cell.asking()) continue;
            cell.waiters.emplace_back([done = std::move(done)]() mutable { done({}); });
        }
        if (!asks.empty()) send_ask(*shared_, cells.at(i), std::move(asks));
        return;
    }
    done({});
}

LimitsView Limiter::view(const Principal& who, std::string_view model) const {
    LimitsView view;
    Cells cells;
    const auto count = find(who, model, cells);
    const auto now = clock_.wall();
    for (std::size_t i = 0; i < count; ++i) {
        const std::lock_guard lock(cells.at(i)->mutex);
        cells.at(i)->roll(now);
        add_view(view, *cells.at(i), now);
    }
    return view;
}

void Limiter::charge(const Principal& who, std::string_view model, std::uint64_t tokens) {
    Cells cells;
    const auto count = find(who, model, cells);
    const auto now = clock_.wall();
    for (std::size_t i = 0; i < count; ++i) {
        const std::lock_guard lock(cells.at(i)->mutex);
        cells.at(i)->roll(now);
        cells.at(i)->charge(tokens);
    }
}

Error Limiter::refusal(const LimitCell& cell, LimitKind kind, std::uint64_t tokens,
                       WallMs now) const {
    const auto scope = to_string(cell.subject().scope);
    const auto quota = cell.quota(kind, now).value_or(Quota{});
    const std::string limit = std::to_string(quota.limit);
    const bool too_big = kind == LimitKind::tokens_per_minute && tokens > quota.limit;
    std::string text =
        too_big ? "the request may take " + std::to_string(tokens) + " tokens, more than the "
                : std::string("used up: the ");
    text += scope;
    text += "'s limit of " + limit + ' ';
    text += unit_of(kind);
    const auto seconds = std::max<std::int64_t>(1, (quota.resets.count() + 999) / 1000);
    return Error{ErrorCode::quota_exceeded,
                 std::move(text),
                 {{std::string(scope) + '.' + std::string(to_string(kind)), "limit", limit}},
                 static_cast<int>(seconds)};
}

std::uint64_t Limiter::refused(LimitScope scope, LimitKind kind) const {
    return refused_.at(static_cast<std::size_t>(scope))
        .at(static_cast<std::size_t>(kind))
        .load(std::memory_order_relaxed);
}

}  // namespace headrace::access
