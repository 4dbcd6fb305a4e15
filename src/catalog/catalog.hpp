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
#include "catalog/snapshot.hpp"
#include "catalog/version.hpp"

namespace headrace::catalog {

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

    /// While one lives the changes gather, and are published and stored together when the last one
    /// ends: a publication copies the lists of all versions, a write waits for the disk, and a
    /// server of models may bring a thousand.
    class Batch {
      public:
        explicit Batch(Catalog& catalog);
        ~Batch();
        Batch(const Batch&) = delete;
        Batch& operator=(const Batch&) = delete;

      private:
        Catalog& catalog_;
    };
    /// With what a Batch still holds back; good until the next change. Core's loop only.
    [[nodiscard]] const Snapshot& latest() const { return draft_ ? *draft_ : *current_; }

    /// Thread-safe, cheap: a lock around one pointer copy.
    [[nodiscard]] SnapshotPtr snapshot() const;

  private:
    /// What the next publication will be; the changes go into it.
    Snapshot& change();
    /// What has changed, unless a Batch gathers it.
    void publish();
    void put(const std::shared_ptr<Version>& version);
    void save(const std::vector<VersionPtr>& versions);

    const Clock& clock_;
    CatalogStore* store_;
    mutable std::mutex mutex_;  // guards current_ only, against readers on other threads
    SnapshotPtr current_;
    std::shared_ptr<Snapshot> draft_;  // null: nothing has changed since current_
    std::vector<VersionPtr> unsaved_;  // of the draft
    int batches_ = 0;                  // that are open
};

}  // namespace headrace::catalog
