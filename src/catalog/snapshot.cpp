#include "catalog/snapshot.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace headrace::catalog {
namespace {

/// By tenant, name, then highest version first.
bool sorts_before(const VersionPtr& a, const VersionPtr& b) {
    const int tenant = a->tenant.name.compare(b->tenant.name);
    if (tenant != 0) return tenant < 0;
    if (a->name != b->name) return a->name < b->name;
    return a->semver > b->semver;
}

/// By tenant, model, then highest version first; of equal ones by name.
bool models_before(const VersionPtr& a, const VersionPtr& b) {
    const int tenant = a->tenant.name.compare(b->tenant.name);
    if (tenant != 0) return tenant < 0;
    if (a->model != b->model) return a->model < b->model;
    if (!(a->semver == b->semver)) return a->semver > b->semver;
    return a->name < b->name;
}

using Before = bool (*)(const VersionPtr&, const VersionPtr&);

void take_out(std::vector<VersionPtr>& sorted, const VersionPtr& version, Before before) {
    auto at = std::lower_bound(sorted.begin(), sorted.end(), version, before);
    at = std::find(at, sorted.end(), version);
    if (at != sorted.end()) sorted.erase(at);
}

void put_in(std::vector<VersionPtr>& sorted, const VersionPtr& version, Before before) {
    sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), version, before), version);
}

using Range =
    std::pair<std::vector<VersionPtr>::const_iterator, std::vector<VersionPtr>::const_iterator>;

/// All versions of a tenant whose `text` (its name, or its model id) is this one, hidden ones too,
/// in a list that is sorted by it.
Range range_of(const std::vector<VersionPtr>& sorted, std::string Version::*text,
               const TenantId& tenant, std::string_view wanted) {
    const auto below = [&](const VersionPtr& version) {
        const int order = version->tenant.name.compare(tenant.name);
        return order < 0 || (order == 0 && (*version).*text < wanted);
    };
    const auto not_above = [&](const VersionPtr& version) {
        return version->tenant == tenant && (*version).*text == wanted;
    };
    const auto first = std::partition_point(sorted.begin(), sorted.end(), below);
    return {first, std::find_if_not(first, sorted.end(), not_above)};
}

VersionPtr highest_of(const Range& range) {
    VersionPtr prerelease;
    for (auto it = range.first; it != range.second; ++it) {
        if ((*it)->hidden) continue;
        if (!(*it)->semver.is_prerelease()) return *it;
        if (!prerelease) prerelease = *it;
    }
    return prerelease;
}

VersionPtr exact_of(const Range& range, std::string_view text, bool with_hidden) {
    for (auto it = range.first; it != range.second; ++it) {
        if ((*it)->semver.text() == text && (with_hidden || !(*it)->hidden)) return *it;
    }
    return nullptr;
}

/// What the tenant's own version of the same text hides is not to be reached by anybody of the
/// tenant.
void drop_shadowed(std::vector<VersionPtr>& versions) {
    const auto same = [](const VersionPtr& a, const VersionPtr& b) {
        return a->name == b->name && a->semver.text() == b->semver.text();
    };
    versions.erase(std::unique(versions.begin(), versions.end(), same), versions.end());
}

tl::unexpected<Error> no_such() {
    return fail(ErrorCode::not_found, "no such capability or version");
}

}  // namespace

Result<VersionPtr> Snapshot::resolve(const TenantId& tenant, std::string_view reference) const {
    const auto at = reference.find('@');
    const auto name = reference.substr(0, at);
    for (const TenantId* owner : {&tenant, &kSystemTenant}) {
        const auto range = range_of(sorted_, &Version::name, *owner, name);
        auto found = at == std::string_view::npos
                         ? highest_of(range)
                         : exact_of(range, reference.substr(at + 1), false);
        if (found) return found;
    }
    return no_such();
}

Result<VersionPtr> Snapshot::resolve_model(const TenantId& tenant, std::string_view id) const {
    for (const TenantId* owner : {&tenant, &kSystemTenant}) {
        if (auto found = models_.find(*owner, id)) return found;
    }
    return resolve(tenant, id);
}

std::vector<VersionPtr> Snapshot::list(const TenantId& tenant) const {
    std::vector<VersionPtr> own;
    std::vector<VersionPtr> shared;
    for (const auto& version : sorted_) {
        if (version->hidden) continue;
        if (version->tenant == tenant)
            own.push_back(version);
        else if (version->tenant == kSystemTenant)
            shared.push_back(version);
    }
    std::vector<VersionPtr> all;
    all.reserve(own.size() + shared.size());
    // Both are in this order already; of equal ones the tenant's own stand first.
    std::merge(own.begin(), own.end(), shared.begin(), shared.end(), std::back_inserter(all),
               [](const auto& a, const auto& b) {
                   return a->name != b->name ? a->name < b->name : a->semver > b->semver;
               });
    drop_shadowed(all);
    return all;
}

std::vector<VersionPtr> Snapshot::versions(const TenantId& tenant, std::string_view name) const {
    std::vector<VersionPtr> found;
    for (const TenantId* owner : {&tenant, &kSystemTenant}) {
        const auto range = range_of(sorted_, &Version::name, *owner, name);
        std::copy_if(range.first, range.second, std::back_inserter(found),
                     [](const auto& version) { return !version->hidden; });
        if (tenant == kSystemTenant) break;
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a->semver > b->semver; });
    drop_shadowed(found);
    return found;
}

VersionPtr Snapshot::find(VersionId id) const {
    if (id.value == 0 || id.value > by_id_.size()) return nullptr;
    return by_id_[id.value - 1];
}

VersionPtr Snapshot::find(const TenantId& tenant, std::string_view name,
                          std::string_view version) const {
    for (const TenantId* owner : {&tenant, &kSystemTenant}) {
        if (auto found = exact_of(range_of(sorted_, &Version::name, *owner, name), version, true))
            return found;
    }
    return nullptr;
}

VersionPtr Snapshot::twin(const TenantId& tenant, std::string_view name,
                          const SemVer& semver) const {
    const auto range = range_of(sorted_, &Version::name, tenant, name);
    const auto found = std::find_if(range.first, range.second,
                                    [&](const auto& other) { return other->semver == semver; });
    return found == range.second ? nullptr : *found;
}

std::shared_ptr<const Validator> Snapshot::validator(const Sha256& digest) const {
    for (const auto& version : by_id_) {
        if (version != nullptr && version->digest == digest) return version->validator;
    }
    return nullptr;
}

VersionId Snapshot::next_id() const {
    return VersionId{static_cast<std::uint32_t>(by_id_.size() + 1)};
}

void Snapshot::put(const VersionPtr& version) {
    if (version->id == next_id()) by_id_.emplace_back();
    erase(version->id);
    by_id_[version->id.value - 1] = version;
    put_in(sorted_, version, sorts_before);
    put_in(by_model_, version, models_before);
    choose(version->tenant, version->model);
}

void Snapshot::erase(VersionId id) {
    const VersionPtr version = std::exchange(by_id_[id.value - 1], nullptr);
    if (!version) return;
    take_out(sorted_, version, sorts_before);
    take_out(by_model_, version, models_before);
    choose(version->tenant, version->model);
}

void Snapshot::choose(const TenantId& tenant, std::string_view model) {
    if (auto version = highest_of(range_of(by_model_, &Version::model, tenant, model))) {
        models_.put(std::move(version));
    } else {
        models_.erase(tenant, model);
    }
}

}  // namespace headrace::catalog
