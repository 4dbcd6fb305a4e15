#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "catalog/version.hpp"

namespace headrace::catalog {

/// A version as a store keeps it.
struct VersionRecord {
    TenantId tenant;
    std::string name;
    std::string version;  // SemVer text
    std::string title;
    std::string description;
    std::string interface;  // canonical JSON text
    ServingLimits limits;
    WallMs created_at = 0;
    bool hidden = false;
    bool operator==(const VersionRecord&) const = default;
};

/// Keeps the versions that were registered, so that queued jobs find theirs after a restart.
/// (tenant, name, version) is the key. Answers on the catalog's loop, never inside the call itself.
class CatalogStore {
  public:
    virtual ~CatalogStore() = default;
    /// Blocking; at start only.
    virtual Result<std::vector<VersionRecord>> load() = 0;
    /// Writes or overwrites all of them, or none; durable when `done` is called.
    virtual void save(std::vector<VersionRecord> records,
                      UniqueFunction<void(Result<void>)> done) = 0;
    virtual void remove(TenantId tenant, std::string name, std::string version,
                        UniqueFunction<void(Result<void>)> done) = 0;
};

}  // namespace headrace::catalog
