// What is looked up and listed in a KeyRing.
#include <algorithm>
#include <utility>

#include "access/directory.hpp"
#include "access/key_snapshot.hpp"
#include "access/reply.hpp"

namespace headrace::access {
namespace {

KeyRecord shown(const KeyRecord& record, const std::atomic<WallMs>& used) {
    KeyRecord copy = record;
    copy.last_used = used.load(std::memory_order_relaxed);
    return copy;
}

}  // namespace

std::vector<KeyRecord> KeyRing::list_all() const {
    std::vector<KeyRecord> out;
    snapshot_.read().keys.each([&out](const auto&, const Entry& entry) {
        out.push_back(shown(*entry.record, *entry.used));
        return true;
    });
    std::sort(out.begin(), out.end(), [](const KeyRecord& a, const KeyRecord& b) {
        return a.created_at != b.created_at ? a.created_at > b.created_at : a.id < b.id;
    });
    return out;
}

std::vector<KeyRecord> KeyRing::list(const TenantId& tenant) const {
    auto out = list_all();
    std::erase_if(out, [&](const KeyRecord& record) { return record.tenant != tenant; });
    return out;
}

std::optional<KeyRecord> KeyRing::find(std::string_view id) const {
    const Entry* const found = entry(id);
    if (found == nullptr) return std::nullopt;
    return shown(*found->record, *found->used);
}

std::optional<KeyRecord> KeyRing::get(const TenantId& tenant, std::string_view id) const {
    auto record = find(id);
    if (record && record->tenant != tenant) return std::nullopt;
    return record;
}

std::shared_ptr<const Principal> KeyRing::whose(std::string_view id) const {
    const Entry* const found = entry(id);
    return found == nullptr ? nullptr : found->principal;
}

bool KeyRing::in_use(const Account& account) const {
    const auto names = [&account](const KeyRecord& record) {
        if (record.tenant != account.tenant || record.revoked_at != 0) return false;
        if (account.kind == AccountKind::tenant) return true;
        return account.name == (account.kind == AccountKind::app ? record.app : record.user);
    };
    bool found = false;
    snapshot_.read().keys.each([&](const auto&, const Entry& entry) {
        found = names(*entry.record);
        return !found;
    });
    return found;
}

void KeyRing::take_uses(const std::vector<KeyUse>& uses) {
    for (const auto& use : uses) {
        const Entry* const found = entry(use.id);
        if (found == nullptr || found->record->tenant != use.tenant) continue;
        WallMs before = found->used->load(std::memory_order_relaxed);
        while (before < use.at && !found->used->compare_exchange_weak(before, use.at)) {
        }
    }
}

void KeyRing::note_uses(Done<void> done) {
    std::vector<KeyUse> uses;
    // From a little before: what was used during the last call is written twice rather than never.
    const WallMs since = noted_at_ - 2 * kUseGrain;
    noted_at_ = clock_.wall();
    snapshot_.read().keys.each([&](const std::string& id, const Entry& entry) {
        const WallMs at = entry.used->load(std::memory_order_relaxed);
        if (at > since && at > entry.record->last_used) {
            uses.push_back({entry.record->tenant, id, at});
        }
        return true;
    });
    if (uses.empty()) {
        reply_later<void>(std::move(done), {});
        return;
    }
    store_.note_uses(std::move(uses), std::move(done));
}

}  // namespace headrace::access
