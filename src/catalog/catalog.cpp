#include "catalog/catalog.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.hpp"
#include "catalog/model_id.hpp"

namespace headrace::catalog {
namespace {

/// By tenant, name, then highest version first.
bool sorts_before(const VersionPtr& a, const VersionPtr& b) {
    const int tenant = a->tenant.name.compare(b->tenant.name);
    if (tenant != 0) return tenant < 0;
    if (a->name != b->name) return a->name < b->name;
    return a->semver > b->semver;
}

/// By tenant, model, then highest version first.
bool models_before(const VersionPtr& a, const VersionPtr& b) {
    const int tenant = a->tenant.name.compare(b->tenant.name);
    if (tenant != 0) return tenant < 0;
    if (a->model != b->model) return a->model < b->model;
    return a->semver > b->semver;
}

using Range =
    std::pair<std::vector<VersionPtr>::const_iterator, std::vector<VersionPtr>::const_iterator>;

/// All versions of one name of one tenant, hidden ones too.
Range range_of(const std::vector<VersionPtr>& sorted, const TenantId& tenant,
               std::string_view name) {
    const auto below = [&](const VersionPtr& version) {
        const int order = version->tenant.name.compare(tenant.name);
        return order < 0 || (order == 0 && version->name < name);
    };
    const auto not_above = [&](const VersionPtr& version) {
        return version->tenant == tenant && version->name == name;
    };
    const auto first = std::partition_point(sorted.begin(), sorted.end(), below);
    return {first, std::find_if_not(first, sorted.end(), not_above)};
}

/// All versions of one model id of one tenant, hidden ones too.
Range models_of(const std::vector<VersionPtr>& by_model, const TenantId& tenant,
                std::string_view id) {
    const auto below = [&](const VersionPtr& version) {
        const int order = version->tenant.name.compare(tenant.name);
        return order < 0 || (order == 0 && version->model < id);
    };
    const auto not_above = [&](const VersionPtr& version) {
        return version->tenant == tenant && version->model == id;
    };
    const auto first = std::partition_point(by_model.begin(), by_model.end(), below);
    return {first, std::find_if_not(first, by_model.end(), not_above)};
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

/// The validator of an interface: the one that another version has already, because versions of one
/// interface may be many (the models of upstreams are), and what all of them use is in the cache.
Result<std::shared_ptr<const Validator>> compiled(Interface interface, const Sha256& digest,
                                                  const std::vector<VersionPtr>& versions) {
    for (const auto& version : versions) {
        if (version != nullptr && version->digest == digest) return version->validator;
    }
    return Validator::compile(std::move(interface));
}

tl::unexpected<Error> no_such() {
    return fail(ErrorCode::not_found, "no such capability or version");
}

}  // namespace

Result<VersionPtr> Snapshot::resolve(const TenantId& tenant, std::string_view reference) const {
    const auto at = reference.find('@');
    const auto name = reference.substr(0, at);
    for (const TenantId* owner : {&tenant, &kSystemTenant}) {
        const auto range = range_of(sorted_, *owner, name);
        auto found = at == std::string_view::npos
                         ? highest_of(range)
                         : exact_of(range, reference.substr(at + 1), false);
        if (found) return found;
    }
    return no_such();
}

Result<VersionPtr> Snapshot::resolve_model(const TenantId& tenant, std::string_view id) const {
    for (const TenantId* owner : {&tenant, &kSystemTenant}) {
        if (auto found = highest_of(models_of(by_model_, *owner, id))) return found;
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
        const auto range = range_of(sorted_, *owner, name);
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
        if (auto found = exact_of(range_of(sorted_, *owner, name), version, true)) return found;
    }
    return nullptr;
}

Catalog::Catalog(const Clock& clock, CatalogStore* store)
    : clock_(clock), store_(store), current_(std::make_shared<Snapshot>()) {}

SnapshotPtr Catalog::snapshot() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

Result<void> Catalog::load() {
    if (!store_) return {};
    auto records = store_->load();
    if (!records) return fail(std::move(records.error()));
    std::vector<VersionPtr> by_id;
    for (auto& record : *records) {
        auto interface = interface_from_json(record.interface);
        const auto semver = SemVer::parse(record.version);
        const auto digest = interface ? digest_of(*interface) : Sha256{};
        auto validator = interface ? compiled(std::move(*interface), digest, by_id)
                                   : tl::unexpected(interface.error());
        if (!validator || !semver) {
            // One row that an older or newer program wrote must not keep the whole server down.
            log::warn("stored version left out capability={}@{} tenant={}", record.name,
                      record.version, record.tenant.name);
            continue;
        }
        auto version = std::make_shared<Version>();
        version->id = VersionId{static_cast<std::uint32_t>(by_id.size() + 1)};
        version->tenant = record.tenant;
        version->name = record.name;
        version->model = record.name;
        version->semver = *semver;
        version->title = record.title;
        version->description = record.description;
        version->digest = digest;
        version->validator = std::move(*validator);
        version->limits = record.limits;
        version->created_at = record.created_at;
        // The system's come with --engine, and come back with it; those of agents stay for good.
        version->hidden = record.hidden || record.tenant == kSystemTenant;
        by_id.push_back(std::move(version));
    }
    publish(std::move(by_id));
    return {};
}

Result<VersionPtr> Catalog::add(Registration registration, std::string_view interface_json) {
    auto interface = interface_from_json(interface_json);
    if (!interface) return fail(std::move(interface.error()));
    registration.interface = std::move(*interface);
    return add(std::move(registration));
}

Result<VersionPtr> Catalog::add(Registration registration) {
    const auto semver = SemVer::parse(registration.version);
    if (!semver) return fail(ErrorCode::invalid_argument, "the version is not a SemVer 2 version");
    if (!is_capability_name(registration.name)) {
        return fail(ErrorCode::invalid_argument, "the capability's name is not [a-z][a-z0-9_.-]*");
    }
    if (registration.model.empty()) registration.model = registration.name;
    if (!is_model_id(registration.model)) {
        return fail(ErrorCode::invalid_argument,
                    "the model's id is not 1 to 256 bytes of UTF-8 without control characters");
    }
    const auto digest = digest_of(registration.interface);
    const auto before = snapshot();
    auto by_id = before->by_id_;
    const auto range = range_of(before->sorted_, registration.tenant, registration.name);
    const auto twin = std::find_if(range.first, range.second,
                                   [&](const auto& other) { return other->semver == *semver; });
    auto version = std::make_shared<Version>();
    if (twin != range.second) {
        const bool same = (*twin)->digest == digest && (*twin)->semver.text() == semver->text();
        if (!same) {
            return fail(ErrorCode::conflict,
                        registration.name + '@' + registration.version +
                            " is registered with another interface; give this one a new version");
        }
        *version = **twin;
        if (!version->hidden && version->title == registration.title &&
            version->description == registration.description &&
            version->limits == registration.limits && version->model == registration.model) {
            return *twin;  // an agent that is back: nothing to publish, nothing to write
        }
    } else {
        auto validator = compiled(std::move(registration.interface), digest, by_id);
        if (!validator) return fail(std::move(validator.error()));
        version->id = VersionId{static_cast<std::uint32_t>(by_id.size() + 1)};
        version->tenant = registration.tenant;
        version->name = std::move(registration.name);
        version->semver = *semver;
        version->validator = std::move(*validator);
        version->digest = digest;
        version->created_at = clock_.wall();
        by_id.emplace_back();
    }
    version->model = std::move(registration.model);
    version->title = std::move(registration.title);
    version->description = std::move(registration.description);
    version->limits = registration.limits;
    version->hidden = false;
    by_id[version->id.value - 1] = version;
    publish(std::move(by_id));
    save(*version);
    return VersionPtr(std::move(version));
}

Result<void> Catalog::hide(VersionId id) {
    const auto before = snapshot();
    const auto present = before->find(id);
    if (!present) return no_such();
    auto version = std::make_shared<Version>(*present);
    version->hidden = true;
    auto by_id = before->by_id_;
    by_id[id.value - 1] = version;
    publish(std::move(by_id));
    save(*version);
    return {};
}

Result<void> Catalog::remove(VersionId id) {
    const auto before = snapshot();
    const auto present = before->find(id);
    if (!present) return no_such();
    auto by_id = before->by_id_;
    by_id[id.value - 1] = nullptr;
    publish(std::move(by_id));
    if (!store_) return {};
    store_->remove(present->tenant, present->name, present->semver.text(),
                   [text = present->text()](Result<void> done) {
                       if (!done) log::error("catalog store cannot remove capability={}", text);
                   });
    return {};
}

void Catalog::publish(std::vector<VersionPtr> by_id) {
    auto next = std::make_shared<Snapshot>();
    next->by_id_ = std::move(by_id);
    std::copy_if(next->by_id_.begin(), next->by_id_.end(), std::back_inserter(next->sorted_),
                 [](const auto& version) { return version != nullptr; });
    std::sort(next->sorted_.begin(), next->sorted_.end(), sorts_before);
    next->by_model_ = next->sorted_;
    std::sort(next->by_model_.begin(), next->by_model_.end(), models_before);
    const std::lock_guard lock(mutex_);
    next->generation_ = current_->generation_ + 1;
    current_ = std::move(next);
}

void Catalog::save(const Version& version) {
    if (!store_) return;
    VersionRecord record{
        version.tenant, version.name,        version.semver.text(),
        version.title,  version.description, interface_to_json(version.interface()),
        version.limits, version.created_at,  version.hidden};
    store_->save(std::move(record), [text = version.text()](Result<void> done) {
        if (!done) log::error("catalog store cannot save capability={}", text);
    });
}

}  // namespace headrace::catalog
