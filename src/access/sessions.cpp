#include "access/sessions.hpp"

#include <algorithm>

#include "access/keys.hpp"

namespace headrace::access {
namespace {

constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kIdLength = 11;  // base64url of 8 bytes
constexpr std::size_t kTokenLength = kIdLength + 43;

std::string_view view(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

WallMs wall_after(const Clock& clock, std::chrono::seconds time) {
    return clock.wall() + std::chrono::duration_cast<milliseconds>(time).count();
}

Error not_signed_in() {
    return Error{ErrorCode::unauthenticated, "not signed in", {}, 0};
}

}  // namespace

Sessions::Sessions(const KeyRing& keys, const Clock& clock, SessionSettings settings)
    : keys_(keys), clock_(clock), settings_(settings), csrf_key_(random_bytes(kSecretBytes)) {}

/// Keeps the entry under a new token; the one unused longest gives way when there are too many.
Secret Sessions::put(Table& table, Entry entry, std::size_t most) {
    const auto now = clock_.now();
    std::erase_if(table, [&](const auto& each) { return is_over(each.second, now); });
    if (table.size() >= most) {
        table.erase(std::min_element(table.begin(), table.end(), [](const auto& a, const auto& b) {
            return a.second.used < b.second.used;
        }));
    }
    auto id = to_base64url(random_bytes(kIdBytes));
    const Secret secret(to_base64url(random_bytes(kSecretBytes)));
    Secret token(id + std::string(secret.reveal()));
    entry.secret = sha256(secret.reveal());
    table.insert_or_assign(std::move(id), std::move(entry));
    return token;
}

Sessions::Table::iterator Sessions::find_in(Table& table, std::string_view token) {
    if (token.size() != kTokenLength) return table.end();
    static constexpr Sha256 kNobody{};
    const auto found = table.find(std::string(token.substr(0, kIdLength)));
    const Sha256& expected = found == table.end() ? kNobody : found->second.secret;
    const bool same = equal_in_constant_time(view(sha256(token.substr(kIdLength))), view(expected));
    return same ? found : table.end();
}

bool Sessions::is_over(const Entry& entry, SteadyTime now) const {
    return entry.ends <= now || entry.used + settings_.idle <= now;
}

std::string Sessions::csrf_of(std::string_view id) const {
    return to_base64url(view(hmac_sha256(csrf_key_.reveal(), id)));
}

Sessions::Link Sessions::make_link(std::shared_ptr<const Principal> who) {
    Entry entry;
    entry.who = std::move(who);
    entry.used = clock_.now();
    entry.ends = entry.used + settings_.link_life;
    Link link;
    link.expires_at = wall_after(clock_, settings_.link_life);
    const std::lock_guard lock(mutex_);
    link.token = put(links_, std::move(entry), settings_.links);
    return link;
}

Result<void> Sessions::may_try(std::string_view address) {
    const std::lock_guard lock(mutex_);
    const int wait = failures_.wait_s(address, clock_.now());
    if (wait == 0) return {};
    return fail(
        Error{ErrorCode::quota_exceeded, "too many failed sign-ins from this address", {}, wait});
}

/// Takes the link's only use.
std::shared_ptr<const Principal> Sessions::take_link(std::string_view token) {
    const std::lock_guard lock(mutex_);
    const auto found = find_in(links_, token);
    if (found == links_.end()) return nullptr;
    const Entry entry = std::move(found->second);
    links_.erase(found);
    return entry.ends > clock_.now() ? entry.who : nullptr;
}

Result<Sessions::Opened> Sessions::open_with_link(std::string_view token,
                                                  std::string_view address) {
    if (auto may = may_try(address); !may) return fail(std::move(may).error());
    auto who = take_link(token);
    if (who && keys_.still_valid(*who)) return open(std::move(who), address);
    return open(
        fail(ErrorCode::unauthenticated, "the sign-in link is wrong, was used, or is too old"),
        address);
}

Result<Sessions::Opened> Sessions::open_with_key(std::string_view key, std::string_view address) {
    if (auto may = may_try(address); !may) return fail(std::move(may).error());
    return open(keys_.authenticate(key, address), address);
}

Result<Sessions::Opened> Sessions::open(Result<std::shared_ptr<const Principal>> who,
                                        std::string_view address) {
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    if (!who) {
        if (who.error().code != ErrorCode::unavailable) failures_.failed(address, now);
        return fail(std::move(who).error());
    }
    failures_.succeeded(address);
    if (auto allowed = authorize(**who, Right::use_console); !allowed) {
        return fail(std::move(allowed).error());
    }
    Entry entry;
    entry.who = std::move(*who);
    entry.used = now;
    entry.ends = now + settings_.life;
    entry.expires_at = wall_after(clock_, settings_.life);
    if (const auto end = entry.who->expires_at; end != 0) {
        entry.expires_at = std::min(entry.expires_at, end);
    }
    Opened opened;
    opened.signed_in.who = entry.who;
    opened.signed_in.expires_at = entry.expires_at;
    opened.cookie = put(sessions_, std::move(entry), settings_.sessions);
    opened.signed_in.csrf = csrf_of(opened.cookie.reveal().substr(0, kIdLength));
    return opened;
}

Result<Sessions::Signed> Sessions::find(std::string_view cookie) {
    Signed found;
    {
        const std::lock_guard lock(mutex_);
        const auto at = find_in(sessions_, cookie);
        if (at == sessions_.end()) return fail(not_signed_in());
        const auto now = clock_.now();
        if (is_over(at->second, now)) {
            sessions_.erase(at);
            return fail(not_signed_in());
        }
        at->second.used = now;
        found = Signed{at->second.who, csrf_of(at->first), at->second.expires_at};
    }
    if (auto known = keys_.check_contact(); !known) return fail(std::move(known).error());
    if (keys_.still_valid(*found.who)) return found;
    close(cookie);
    return fail(not_signed_in());
}

bool Sessions::close(std::string_view cookie) {
    const std::lock_guard lock(mutex_);
    const auto found = find_in(sessions_, cookie);
    if (found == sessions_.end()) return false;
    sessions_.erase(found);
    return true;
}

}  // namespace headrace::access
