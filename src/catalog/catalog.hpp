#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "catalog/ports.hpp"
#include "catalog/version.hpp"

namespace headrace::catalog {

/// The tenant whose capabilities everybody sees.
inline const TenantId kSystemTenant{"system"};

/// What there is to be known of a new version.
struct Registration {
    TenantId tenant;
    std::string name;
    std::string version;  // SemVer text
    std::string title;
    std::string description;
    Interface interface;
    ServingLimits limits;
    /// See Version::model; empty = the name. Not stored: whoever registers says it at every start.
    std::string model = {};
};

/// All versions at one instant. Immutable: readers on any thread keep it as long as they like.
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
    /// Rises with every change of the catalog.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }

  private:
    friend class Catalog;
    std::uint64_t generation_ = 0;
    std::vector<VersionPtr> sorted_;    // by tenant, name, then highest version first
    std::vector<VersionPtr> by_model_;  // by tenant, model, then highest version first
    std::vector<VersionPtr> by_id_;     // index = id - 1; null where removed
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// All versions, in memory. Changes belong to the core's loop; snapshot() may be called anywhere.
class Catalog {
  public:
    /// `store` may be null: then nothing is kept.
    Catalog(const Clock& clock, CatalogStore* store);

    /// Fills the catalog from the store: once, before anything else. The system's versions are
    /// hidden until they are added again, because `--engine` may name other engines now; those that
    /// agents registered are offered as before, and their jobs wait for a worker.
    Result<void> load();

    /// A new version, or the one that is there already: with the same interface it is updated and
    /// no longer hidden; with another one it is a conflict. The same SemVer precedence with other
    /// build metadata is a conflict too. Takes effect at once; the store follows.
    Result<VersionPtr> add(Registration registration);
    /// As add(), for an interface that is text (an agent's hello, a host's offer).
    Result<VersionPtr> add(Registration registration, std::string_view interface_json);

    /// No longer given to new jobs; stored jobs still find it. not_found when unknown.
    Result<void> hide(VersionId id);
    /// Forgets it altogether.
    Result<void> remove(VersionId id);

    /// Thread-safe, cheap: a lock around one pointer copy.
    [[nodiscard]] SnapshotPtr snapshot() const;

  private:
    void publish(std::vector<VersionPtr> by_id);
    void save(const Version& version);

    const Clock& clock_;
    CatalogStore* store_;
    mutable std::mutex mutex_;  // guards current_ only
    SnapshotPtr current_;
};

}  // namespace headrace::catalog
