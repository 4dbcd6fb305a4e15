#include "stores/postgres/catalog_rows.hpp"

#include <algorithm>
#include <array>

#include "stores/catalog/account_row.hpp"
#include "stores/catalog/key_row.hpp"
#include "stores/catalog/upstream_row.hpp"

namespace headrace::stores {
namespace {

constexpr std::array<const char*, kCatalogParts> kParts{"keys", "accounts", "upstreams", "audit"};

const PgStatement kNumbers{"catalog_numbers", "SELECT part, number FROM catalog_changes"};

#define HEADRACE_SELECT_KEYS                                                           \
    "SELECT k.tenant, k.id, k.changed, k.sum, k.body, k.details_sum, k.details, u.at " \
    "FROM keys k LEFT JOIN key_uses u ON u.tenant = k.tenant AND u.id = k.id "

const PgStatement kKeys{"catalog_keys",
                        HEADRACE_SELECT_KEYS "WHERE k.changed > $1::int8 ORDER BY k.changed"};
const PgStatement kKey{"catalog_key",
                       HEADRACE_SELECT_KEYS "WHERE k.tenant = $1::text AND k.id = $2::text"};
const PgStatement kUses{"catalog_uses", "SELECT tenant, id, at FROM key_uses WHERE at > $1::int8"};
const PgStatement kAccounts{"catalog_accounts",
                            "SELECT kind, tenant, name, changed, sum, body FROM accounts"};
const PgStatement kUpstreams{"catalog_upstreams", "SELECT tenant, name, sum, body FROM upstreams"};

std::string text(const PgRows& rows, int row, int column) {
    return std::string(rows.bytes(row, column));
}

/// False when the row is damaged.
bool read_key_row(const PgRows& rows, int row, access::KeyRecord& record) {
    record.tenant = TenantId(text(rows, row, 0));
    record.id = text(rows, row, 1);
    record.version = static_cast<std::uint64_t>(rows.big(row, 2));
    const std::string_view body = rows.bytes(row, 4);
    if (key_sum(record, body) != rows.big(row, 3) || !read_key_body(body, record)) return false;
    const std::string_view details = rows.bytes(row, 6);
    if (!details.empty() && (key_details_sum(record, details) != rows.big(row, 5) ||
                             !read_key_details(details, record))) {
        return false;
    }
    if (!rows.is_null(row, 7)) record.last_used = rows.big(row, 7);
    return true;
}

}  // namespace

const char* to_string(CatalogPart part) {
    return kParts.at(static_cast<std::size_t>(part));
}

Result<std::vector<std::int64_t>> last_changes(PgConnection& connection) {
    const auto rows = connection.call(kNumbers);
    if (!rows) return fail(rows.error());
    std::vector<std::int64_t> out(kCatalogParts, 0);
    for (int i = 0; i < rows->size(); ++i) {
        const auto part = std::find(kParts.begin(), kParts.end(), rows->bytes(i, 0));
        if (part == kParts.end()) continue;
        out.at(static_cast<std::size_t>(part - kParts.begin())) = rows->big(i, 1);
    }
    return out;
}

Result<CatalogRows<access::KeyRecord>> read_keys(PgConnection& connection, std::int64_t after) {
    const auto rows = connection.call(kKeys, PgParameters().big(after));
    if (!rows) return fail(rows.error());
    CatalogRows<access::KeyRecord> out;
    for (int i = 0; i < rows->size(); ++i) {
        access::KeyRecord record;
        if (read_key_row(*rows, i, record))
            out.rows.push_back(std::move(record));
        else
            out.damaged.push_back("table keys, id " + record.id);
    }
    return out;
}

Result<std::optional<access::KeyRecord>> read_key(PgConnection& connection, const TenantId& tenant,
                                                  const std::string& id) {
    const auto rows = connection.call(kKey, PgParameters().text(tenant.name).text(id));
    if (!rows) return fail(rows.error());
    if (rows->size() == 0) return std::optional<access::KeyRecord>();
    access::KeyRecord record;
    if (!read_key_row(*rows, 0, record)) {
        return fail(ErrorCode::internal, "damaged row in the database: table keys, id " + id);
    }
    return std::optional(std::move(record));
}

Result<std::vector<access::KeyUse>> read_uses(PgConnection& connection, WallMs after) {
    const auto rows = connection.call(kUses, PgParameters().big(after));
    if (!rows) return fail(rows.error());
    std::vector<access::KeyUse> out;
    for (int i = 0; i < rows->size(); ++i) {
        out.push_back({TenantId(text(*rows, i, 0)), text(*rows, i, 1), rows->big(i, 2)});
    }
    return out;
}

Result<CatalogRows<access::Account>> read_accounts(PgConnection& connection) {
    const auto rows = connection.call(kAccounts);
    if (!rows) return fail(rows.error());
    CatalogRows<access::Account> out;
    for (int i = 0; i < rows->size(); ++i) {
        const auto kind = rows->small(i, 0);
        access::Account account;
        account.kind = static_cast<access::AccountKind>(kind);
        account.tenant = TenantId(text(*rows, i, 1));
        account.name = text(*rows, i, 2);
        account.version = static_cast<std::uint64_t>(rows->big(i, 3));
        const std::string_view body = rows->bytes(i, 5);
        if (is_account_kind(kind) && account_sum(account, body) == rows->big(i, 4) &&
            read_account_body(body, account)) {
            out.rows.push_back(std::move(account));
        } else {
            out.damaged.push_back("table accounts, name " + account.name);
        }
    }
    return out;
}

Result<CatalogRows<upstreams::UpstreamSpec>> read_upstreams(PgConnection& connection,
                                                            const access::Sealer& sealer) {
    const auto rows = connection.call(kUpstreams);
    if (!rows) return fail(rows.error());
    CatalogRows<upstreams::UpstreamSpec> out;
    for (int i = 0; i < rows->size(); ++i) {
        auto spec = read_upstream(text(*rows, i, 0), text(*rows, i, 1), rows->big(i, 2),
                                  rows->bytes(i, 3), sealer);
        if (spec)
            out.rows.push_back(std::move(*spec));
        else
            out.damaged.push_back(spec.error().message);
    }
    return out;
}

}  // namespace headrace::stores
