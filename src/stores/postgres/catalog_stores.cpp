#include "stores/postgres/catalog_stores.hpp"

#include <limits>

#include "base/log.hpp"
#include "stores/catalog/audit_row.hpp"
#include "stores/postgres/catalog_setup.hpp"
#include "stores/postgres/catalog_writes.hpp"

namespace headrace::stores {
namespace {

constexpr int kTries = 5;  // of a revocation that others get in the way of

const PgStatement kListAudit{
    "catalog_list_audit",
    "SELECT number, at, sum, body FROM audit WHERE tenant = $1::text AND number < $2::int8 "
    "ORDER BY number DESC LIMIT $3::int8"};

auto changed_elsewhere(const std::string& what) {
    return fail(ErrorCode::conflict,
                what + " was changed by another server just now: look at it and try again");
}

Result<void> saved(const Result<PgRows>& rows, const std::string& what) {
    if (!rows) return fail(rows.error());
    if (rows->changed() == 0) return changed_elsewhere(what);
    return {};
}

Result<void> written(const Result<PgRows>& rows) {
    return rows ? Result<void>() : fail(rows.error());
}

/// Remembers where the reading began, so that what changes from then on is told.
template <class T, class Read>
Result<std::vector<T>> load_part(SharedCatalog& catalog, CatalogPart part, Read read) {
    return catalog.ask_now<std::vector<T>>(
        false, [&](PgConnection& connection) -> Result<std::vector<T>> {
            const auto numbers = last_changes(connection);
            if (!numbers) return fail(numbers.error());
            auto rows = read(connection);
            if (!rows) return fail(std::move(rows).error());
            catalog.note_read(part, numbers->at(static_cast<std::size_t>(part)));
            return std::move(*rows).whole();
        });
}

Result<void> revoke_now(PgConnection& connection, const TenantId& tenant, const std::string& id,
                        WallMs at) {
    for (int i = 0; i < kTries; ++i) {
        auto record = read_key(connection, tenant, id);
        if (!record) return fail(std::move(record).error());
        if (!*record) return fail(ErrorCode::not_found, "no such key");
        if ((*record)->revoked_at != 0) return {};
        (*record)->revoked_at = at;
        const auto done = commit_change(connection, save_key(**record));
        if (!done) return fail(done.error());
        if (done->changed() > 0) return {};
    }
    return changed_elsewhere("the key");
}

Result<void> append_now(PgConnection& connection, access::AuditEntry& entry) {
    // The number is part of the row's checksum. One that is left unused is a gap, which is allowed.
    const auto number = connection.transact(std::vector{take_audit_numbers(1)});
    if (!number) return fail(number.error());
    entry.number = static_cast<std::uint64_t>(number->front().big(0, 0));
    const auto added = connection.transact(std::vector{add_audit(entry)});
    return added ? Result<void>() : fail(added.error());
}

Result<std::vector<access::AuditEntry>> list_now(PgConnection& connection, const TenantId& tenant,
                                                 std::uint64_t before, std::uint32_t limit) {
    const std::int64_t end =
        before == 0 ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(before);
    const auto rows =
        connection.call(kListAudit, PgParameters().text(tenant.name).big(end).big(limit));
    if (!rows) return fail(rows.error());
    std::vector<access::AuditEntry> out;
    for (int i = 0; i < rows->size(); ++i) {
        access::AuditEntry entry;
        entry.tenant = tenant;
        entry.number = static_cast<std::uint64_t>(rows->big(i, 0));
        entry.at = rows->big(i, 1);
        const std::string_view body = rows->bytes(i, 3);
        if (audit_sum(entry, body) != rows->big(i, 2) || !read_audit_body(body, entry)) {
            return fail(ErrorCode::internal, "damaged row in the database: table audit, number " +
                                                 std::to_string(entry.number));
        }
        out.push_back(std::move(entry));
    }
    return out;
}

}  // namespace

Result<std::vector<access::KeyRecord>> PostgresKeyStore::load_all() {
    return load_part<access::KeyRecord>(catalog_, CatalogPart::keys, [](PgConnection& connection) {
        return read_keys(connection, -1);
    });
}

void PostgresKeyStore::save(access::KeyRecord record, access::Done<void> done) {
    catalog_.ask<void>(
        true,
        [record = std::move(record)](PgConnection& connection) {
            return saved(commit_change(connection, save_key(record)), "the key");
        },
        std::move(done));
}

void PostgresKeyStore::revoke(TenantId tenant, std::string id, WallMs at, access::Done<void> done) {
    catalog_.ask<void>(
        true,
        [tenant = std::move(tenant), id = std::move(id), at](PgConnection& connection) {
            return revoke_now(connection, tenant, id, at);
        },
        std::move(done));
}

void PostgresKeyStore::note_uses(std::vector<access::KeyUse> uses, access::Done<void> done) {
    catalog_.ask<void>(
        false,
        [uses = std::move(uses)](PgConnection& connection) -> Result<void> {
            const auto noted = connection.transact(std::vector{note_key_uses(uses)});
            return noted ? Result<void>() : fail(noted.error());
        },
        std::move(done));
}

Result<access::NewKey> PostgresKeyStore::keep_first_admin(access::NewKey made) {
    return catalog_.ask_now<access::NewKey>(true, [&](PgConnection& connection) {
        return stores::keep_first_admin(connection, catalog_.sealer(), std::move(made),
                                        clock_.wall());
    });
}

Result<std::vector<access::Account>> PostgresAccountStore::load_all() {
    return load_part<access::Account>(catalog_, CatalogPart::accounts, read_accounts);
}

void PostgresAccountStore::save(access::Account account, access::Done<void> done) {
    catalog_.ask<void>(
        true,
        [account = std::move(account)](PgConnection& connection) {
            return saved(commit_change(connection, save_account(account)),
                         "the " + std::string(access::to_string(account.kind)));
        },
        std::move(done));
}

void PostgresAccountStore::remove(access::AccountKind kind, TenantId tenant, std::string name,
                                  access::Done<void> done) {
    catalog_.ask<void>(
        true,
        [kind, tenant = std::move(tenant), name = std::move(name)](PgConnection& connection) {
            return written(commit_change(connection, remove_account(kind, tenant, name)));
        },
        std::move(done));
}

void PostgresAuditLog::append(access::AuditEntry entry, access::Done<void> done) {
    if (!done) {
        done = [act = entry.act, tenant = entry.tenant.name](Result<void> added) {
            if (added) return;
            log::error("audit entry lost act={} tenant={} error=\"{}\"", act, tenant,
                       added.error().message);
        };
    }
    catalog_.ask<void>(
        false,
        [entry = std::move(entry)](PgConnection& connection) mutable {
            return append_now(connection, entry);
        },
        std::move(done));
}

void PostgresAuditLog::list(TenantId tenant, std::uint64_t before, std::uint32_t limit,
                            access::Done<std::vector<access::AuditEntry>> done) {
    catalog_.ask<std::vector<access::AuditEntry>>(
        false,
        [tenant = std::move(tenant), before, limit](PgConnection& connection) {
            return list_now(connection, tenant, before, limit);
        },
        std::move(done));
}

Result<std::vector<upstreams::UpstreamSpec>> PostgresUpstreamStore::load() {
    return load_part<upstreams::UpstreamSpec>(
        catalog_, CatalogPart::upstreams, [this](PgConnection& connection) {
            return read_upstreams(connection, catalog_.upstream_sealer());
        });
}

void PostgresUpstreamStore::save(upstreams::UpstreamSpec spec,
                                 UniqueFunction<void(Result<void>)> done) {
    catalog_.ask<void>(
        true,
        [this, spec = std::move(spec)](PgConnection& connection) {
            return written(
                commit_change(connection, save_upstream(spec, catalog_.upstream_sealer())));
        },
        std::move(done));
}

void PostgresUpstreamStore::remove(TenantId tenant, std::string name,
                                   UniqueFunction<void(Result<void>)> done) {
    catalog_.ask<void>(
        true,
        [tenant = std::move(tenant), name = std::move(name)](PgConnection& connection) {
            return written(commit_change(connection, remove_upstream(tenant, name)));
        },
        std::move(done));
}

}  // namespace headrace::stores
