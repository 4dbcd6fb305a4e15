#include "catalog/model_table.hpp"

#include <functional>
#include <utility>

namespace headrace::catalog {
namespace {

constexpr std::size_t kFewest = 16;

std::uint64_t hash_of(const TenantId& tenant, std::string_view model) {
    const std::hash<std::string_view> hash;
    const std::uint64_t mixed = hash(model) + hash(tenant.name) * 0x9e3779b97f4a7c15U;
    return mixed ^ (mixed >> 32U);
}

}  // namespace

std::size_t ModelTable::look(std::uint64_t hash, const TenantId& tenant,
                             std::string_view model) const {
    std::size_t at = place(hash);
    for (; slots_[at].version != nullptr; at = next(at)) {
        const Slot& slot = slots_[at];
        if (slot.hash == hash && slot.version->model == model && slot.version->tenant == tenant) {
            break;
        }
    }
    return at;
}

VersionPtr ModelTable::find(const TenantId& tenant, std::string_view model) const {
    if (slots_.empty()) return nullptr;
    return slots_[look(hash_of(tenant, model), tenant, model)].version;
}

void ModelTable::put(VersionPtr version) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    const auto hash = hash_of(version->tenant, version->model);
    Slot& slot = slots_[look(hash, version->tenant, version->model)];
    if (slot.version == nullptr) ++size_;
    slot = Slot{hash, std::move(version)};
}

void ModelTable::erase(const TenantId& tenant, std::string_view model) {
    if (slots_.empty()) return;
    std::size_t free = look(hash_of(tenant, model), tenant, model);
    if (slots_[free].version == nullptr) return;
    slots_[free] = {};
    --size_;
    // What was put behind it because its own place was taken moves up: a search ends at a free one.
    for (std::size_t at = next(free); slots_[at].version != nullptr; at = next(at)) {
        const std::size_t wanted = place(slots_[at].hash);
        const std::size_t mask = slots_.size() - 1;
        if (((at - wanted) & mask) < ((at - free) & mask)) continue;
        slots_[free] = std::exchange(slots_[at], {});
        free = at;
    }
}

void ModelTable::grow() {
    const auto old =
        std::exchange(slots_, std::vector<Slot>(slots_.empty() ? kFewest : slots_.size() * 2));
    for (const Slot& slot : old) {
        if (slot.version == nullptr) continue;
        std::size_t at = place(slot.hash);
        while (slots_[at].version != nullptr) at = next(at);
        slots_[at] = slot;
    }
}

}  // namespace headrace::catalog
