#include "access/limit_cell.hpp"

#include <algorithm>
#include <utility>

namespace headrace::access {
namespace {

constexpr std::array<WallMs, 3> kLengths{60'000, 86'400'000, 60'000};
constexpr auto kTokens = static_cast<std::size_t>(LimitKind::tokens_per_minute);
/// A share is this part of what is left of a limit: few asks while there is much, and near the end
/// little that one server holds while another is refused.
constexpr std::uint64_t kShareParts = 16;

std::int64_t index_of(std::size_t i, WallMs at) {
    return at / kLengths.at(i);
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : 0;
}

}  // namespace

LimitCell::LimitCell(LimitSubject subject, const Limits& limits, bool shared)
    : subject_(std::move(subject)), limits_(limits), shared_(shared) {}

std::uint64_t LimitCell::limit(std::size_t i) const {
    switch (static_cast<LimitKind>(i)) {
        case LimitKind::requests_per_minute:
            return limits_.requests_per_minute;
        case LimitKind::requests_per_day:
            return limits_.requests_per_day;
        case LimitKind::tokens_per_minute:
            return limits_.tokens_per_minute;
        case LimitKind::concurrency:
            break;
    }
    return limits_.concurrency;
}

bool LimitCell::shares(const Window& window) const {
    return shared_ && window.alone_until <= now_;
}

std::uint64_t LimitCell::budget(std::size_t i) const {
    const Window& window = windows_.at(i);
    return shares(window) ? std::min(window.share, limit(i)) : limit(i);
}

void LimitCell::roll(WallMs now) {
    now_ = now;
    for (std::size_t i = 0; i < kWindows; ++i) {
        Window& window = windows_.at(i);
        const auto index = index_of(i, now);
        // A clock that is set back a little must not open the old window again.
        if (index == window.index || index + 1 == window.index) continue;
        window = Window{};
        window.index = index;
    }
}

LimitCell::Answer LimitCell::check(std::uint64_t tokens) const {
    if (limits_.concurrency != 0 && running_ >= limits_.concurrency) {
        return {Verdict::refused, LimitKind::concurrency};
    }
    Answer answer;
    for (std::size_t i = 0; i < kWindows; ++i) {
        if (limit(i) == 0) continue;
        const Window& window = windows_.at(i);
        const auto need = i == kTokens ? std::max<std::uint64_t>(tokens, 1) : 1;
        if (window.used + need <= budget(i)) continue;
        const auto kind = static_cast<LimitKind>(i);
        // A share cannot help past the limit, but what was used beyond the last one is still to be
        // told.
        const bool helps = window.used + need <= limit(i) || window.used > window.share;
        const bool more = shares(window) && !window.exhausted && need <= limit(i) && helps;
        if (!more) return {Verdict::refused, kind};
        answer = {Verdict::lacks_share, kind};
    }
    return answer;
}

void LimitCell::admit(std::uint64_t tokens) {
    for (std::size_t i = 0; i < kWindows; ++i) {
        windows_.at(i).used += i == kTokens ? tokens : 1;
    }
    ++running_;
}

void LimitCell::settle(WallMs admitted, std::uint64_t estimate, std::uint64_t used) {
    Window& window = windows_.at(kTokens);
    if (window.index == index_of(kTokens, admitted)) {
        window.used = minus(window.used + used, estimate);
    } else {
        window.used += minus(used, estimate);
    }
}

void LimitCell::withdraw(WallMs admitted) {
    for (std::size_t i = 0; i < kWindows; ++i) {
        Window& window = windows_.at(i);
        if (i != kTokens && window.index == index_of(i, admitted)) {
            window.used = minus(window.used, 1);
        }
    }
}

void LimitCell::charge(std::uint64_t tokens) {
    windows_.at(kTokens).used += tokens;
}

void LimitCell::set_limits(const Limits& limits) {
    limits_ = limits;
    for (auto& window : windows_) window.exhausted = false;
}

std::optional<Quota> LimitCell::quota(LimitKind kind, WallMs now) const {
    const auto i = static_cast<std::size_t>(kind);
    const auto most = limit(i);
    if (most == 0) return std::nullopt;
    if (kind == LimitKind::concurrency) {
        return Quota{most, minus(most, running_), std::chrono::milliseconds(0)};
    }
    const Window& window = windows_.at(i);
    const auto ends = (window.index + 1) * kLengths.at(i);
    return Quota{most, minus(most, window.used + window.elsewhere),
                 std::chrono::milliseconds(std::max<WallMs>(ends - now, 0))};
}

std::optional<ShareAsk> LimitCell::ask_for(std::size_t i, std::uint64_t need) const {
    const Window& window = windows_.at(i);
    const auto most = limit(i);
    if (most == 0 || !shares(window) || window.exhausted) return std::nullopt;
    const auto charge = minus(window.used, window.share);
    const auto left = minus(window.share, window.used);
    const auto block =
        std::max<std::uint64_t>(1, minus(most, window.used + window.elsewhere) / kShareParts);
    const auto wanted = std::min(std::max(need, block), most);
    if (charge == 0 && left >= need && left > wanted / 4) return std::nullopt;
    const auto starts = window.index * kLengths.at(i);
    std::string counter(to_string(subject_.scope));
    counter += '/' + subject_.tenant.name + '/' + subject_.name + '/';
    counter += to_string(static_cast<LimitKind>(i));
    return ShareAsk{std::move(counter), starts, starts + kLengths.at(i), most, wanted, charge};
}

std::vector<ShareAsk> LimitCell::begin_ask(std::uint64_t tokens) {
    std::vector<ShareAsk> out;
    if (!shared_ || asking_) return out;
    for (std::size_t i = 0; i < kWindows; ++i) {
        // Enough for everybody who waits, or they would race for one share after the other.
        const auto each = i == kTokens ? std::max<std::uint64_t>(tokens, 1) : 1;
        auto ask = ask_for(i, each * (waiters.size() + 1));
        asked_.at(i) = ask ? windows_.at(i).index : -1;
        if (ask) out.push_back(std::move(*ask));
    }
    asking_ = !out.empty();
    return out;
}

void LimitCell::granted(const std::vector<ShareAsk>& asks, const std::vector<Share>& shares) {
    asking_ = false;
    std::size_t next = 0;
    for (std::size_t i = 0; i < kWindows; ++i) {
        const auto asked = std::exchange(asked_.at(i), -1);
        if (asked < 0) continue;
        const ShareAsk& ask = asks.at(next);
        const Share& share = shares.at(next++);
        Window& window = windows_.at(i);
        if (window.index != asked) continue;  // over meanwhile
        window.share += share.granted + ask.charge;
        window.elsewhere = minus(share.taken, window.share);
        window.exhausted = share.granted < ask.want;
    }
}

void LimitCell::store_failed() {
    asking_ = false;
    for (std::size_t i = 0; i < kWindows; ++i) {
        const auto asked = std::exchange(asked_.at(i), -1);
        if (asked >= 0) windows_.at(i).alone_until = now_ + kAloneMs;
    }
}

}  // namespace headrace::access
