#pragma once
// Internal: the tables of the catalog, read.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "access/directory.hpp"
#include "access/key_record.hpp"
#include "access/secrets.hpp"
#include "base/result.hpp"
#include "stores/postgres/connection.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::stores {

enum class CatalogPart : std::uint8_t { keys, accounts, upstreams, audit };
inline constexpr std::size_t kCatalogParts = 4;
const char* to_string(CatalogPart part);

/// The last change of each part, in the order of CatalogPart.
Result<std::vector<std::int64_t>> last_changes(PgConnection& connection);

/// Rows that could be read, and "table keys, id …" for each that is damaged.
template <class T>
struct CatalogRows {
    std::vector<T> rows;
    std::vector<std::string> damaged;

    /// All of them, or `internal` that names the first damaged one.
    Result<std::vector<T>> whole() && {
        if (damaged.empty()) return std::move(rows);
        return fail(ErrorCode::internal, "damaged row in the database: " + damaged.front());
    }
};

/// Keys that changed after `after`, in the order of their changes; their last uses with them.
Result<CatalogRows<access::KeyRecord>> read_keys(PgConnection& connection, std::int64_t after);
Result<std::optional<access::KeyRecord>> read_key(PgConnection& connection, const TenantId& tenant,
                                                  const std::string& id);
Result<std::vector<access::KeyUse>> read_uses(PgConnection& connection, WallMs after);
Result<CatalogRows<access::Account>> read_accounts(PgConnection& connection);
Result<CatalogRows<upstreams::UpstreamSpec>> read_upstreams(PgConnection& connection,
                                                            const access::Sealer& sealer);

}  // namespace headrace::stores
