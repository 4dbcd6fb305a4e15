#pragma once
// Internal: what happens once to the catalog that servers share.

#include <string>
#include <vector>

#include "access/audit.hpp"
#include "access/directory.hpp"
#include "access/keys.hpp"
#include "access/secrets.hpp"
#include "base/result.hpp"
#include "stores/postgres/connection.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::stores {

/// permission_denied when the database holds what another master key has sealed. The first server
/// leaves a sealed word there for that.
Result<void> check_master_key(PgConnection& connection, const access::Sealer& sealer);

/// Stores the first admin's key, or gives the one that a server has stored, if it still works.
Result<access::NewKey> keep_first_admin(PgConnection& connection, const access::Sealer& sealer,
                                        access::NewKey made, WallMs now);

/// What a server kept for itself before.
struct OwnCatalog {
    std::vector<access::KeyRecord> keys;
    std::vector<access::Account> accounts;
    std::vector<upstreams::UpstreamSpec> upstreams;
    std::vector<access::AuditEntry> audit;
    [[nodiscard]] bool empty() const {
        return keys.empty() && accounts.empty() && upstreams.empty() && audit.empty();
    }
};

/// How much of it was taken over; what was there under the same name stays as it is.
struct Imported {
    std::size_t keys = 0;
    std::size_t accounts = 0;
    std::size_t upstreams = 0;
    std::size_t audit = 0;
    std::vector<std::string> kept;  // names that were there
};

/// Whether the catalog of this server was taken over before.
Result<bool> was_imported(PgConnection& connection, const std::string& node);
/// All of it, or nothing.
Result<Imported> import_catalog(PgConnection& connection, const access::Sealer& upstream_sealer,
                                const std::string& node, const OwnCatalog& own);

}  // namespace headrace::stores
