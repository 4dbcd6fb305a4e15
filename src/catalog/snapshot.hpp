#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "catalog/model_table.hpp"
#include "catalog/version.hpp"

namespace headrace::catalog {

/// The tenant whose capabilities everybody sees.
inline const TenantId kSystemTenant{"system"};

/// All versions at one instant. Immutable once published: readers on any thread keep it as long as
/// they like.
class Snapshot {
  public:
    /// "ocr" gives the highest version, a pre-release only when there is nothing else; "ocr@1.0.0"
    /// that one. The tenant's own capability comes before the system's of the same name. not_found
    /// otherwise, also for what the tenant may not see; hidden versions are not found.
    [[nodiscard]] Result<VersionPtr> resolve(const TenantId& tenant,
                                             std::string_view reference) const;
    /// As resolve(), by the id that dialects with models use: the exact Version::model first, then
    /// a reference. Ids are told apart by every character.
    [[nodiscard]] Result<VersionPtr> resolve_model(const TenantId& tenant,
                                                   std::string_view id) const;
    /// What `tenant` may see, by name, then highest version first.
    [[nodiscard]] std::vector<VersionPtr> list(const TenantId& tenant) const;
    /// All versions of one name, highest first; empty when there is none to see.
    [[nodiscard]] std::vector<VersionPtr> versions(const TenantId& tenant,
                                                   std::string_view name) const;
    /// Null when unknown. Finds hidden ones.
    [[nodiscard]] VersionPtr find(VersionId id) const;
    /// For a stored job: the exact version, also a hidden one, of the tenant or the system; or
    /// null.
    [[nodiscard]] VersionPtr find(const TenantId& tenant, std::string_view name,
                                  std::string_view version) const;
    /// The version of exactly this tenant and name that has this precedence, hidden or not; or
    /// null.
    [[nodiscard]] VersionPtr twin(const TenantId& tenant, std::string_view name,
                                  const SemVer& semver) const;
    /// That of a version whose interface has this digest; null when there is none.
    [[nodiscard]] std::shared_ptr<const Validator> validator(const Sha256& digest) const;
    /// Rises with every change of the catalog that is published.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }

  private:
    friend class Catalog;
    /// The id of the next new version.
    [[nodiscard]] VersionId next_id() const;
    /// A new version, or another state of the one with its id.
    void put(const VersionPtr& version);
    void erase(VersionId id);
    /// Sees again which version a model's id means.
    void choose(const TenantId& tenant, std::string_view model);

    std::uint64_t generation_ = 0;
    std::vector<VersionPtr> sorted_;    // by tenant, name, then highest version first
    std::vector<VersionPtr> by_model_;  // by tenant, model, then highest version first
    std::vector<VersionPtr> by_id_;     // index = id - 1; null where removed
    ModelTable models_;                 // of by_model_, the one of each model that is not hidden
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace headrace::catalog
