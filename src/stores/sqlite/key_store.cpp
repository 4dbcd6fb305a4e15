#include "stores/sqlite/key_store.hpp"

#include "stores/catalog/key_row.hpp"

namespace headrace::stores {
namespace {

auto damaged(const char* table, const std::string& id) {
    return fail(ErrorCode::internal,
                std::string("damaged row in catalog.db: table ") + table + ", id " + id);
}

// tenant, id, sum and body of a key; sum and body of its details, or null; its last use, or null.
#define HEADRACE_SELECT_KEYS                                                 \
    "SELECT k.tenant, k.id, k.sum, k.body, d.sum, d.body, u.at FROM keys k " \
    "LEFT JOIN key_details d ON d.tenant = k.tenant AND d.id = k.id "        \
    "LEFT JOIN key_uses u ON u.tenant = k.tenant AND u.id = k.id"

Result<access::KeyRecord> read(const Statement& row) {
    access::KeyRecord record;
    record.tenant = TenantId(std::string(row.bytes(0)));
    record.id = row.bytes(1);
    const std::string_view body = row.bytes(3);
    if (key_sum(record, body) != row.integer(2) || !read_key_body(body, record)) {
        return damaged("keys", record.id);
    }
    if (!row.is_null(4)) {
        const std::string_view details = row.bytes(5);
        if (key_details_sum(record, details) != row.integer(4) ||
            !read_key_details(details, record)) {
            return damaged("key_details", record.id);
        }
    }
    if (!row.is_null(6)) record.last_used = row.integer(6);
    return record;
}

Result<void> write_details(Database& database, const access::KeyRecord& record) {
    if (!has_key_details(record)) {
        return database.prepare("DELETE FROM key_details WHERE tenant = ? AND id = ?")
            .run(record.tenant.name, record.id);
    }
    const std::string body = key_details(record);
    return database
        .prepare("INSERT OR REPLACE INTO key_details(tenant, id, sum, body) VALUES(?, ?, ?, ?)")
        .run(record.tenant.name, record.id, key_details_sum(record, body), Blob{body});
}

Result<void> write_rows(Database& database, const access::KeyRecord& record) {
    const std::string body = key_body(record);
    auto written =
        database.prepare("INSERT OR REPLACE INTO keys(tenant, id, sum, body) VALUES(?, ?, ?, ?)")
            .run(record.tenant.name, record.id, key_sum(record, body), Blob{body});
    return written ? write_details(database, record) : written;
}

template <class Work>
Result<void> in_transaction(Database& database, Work work) {
    auto done = database.execute("BEGIN IMMEDIATE");
    if (!done) return done;
    done = work();
    if (done) done = database.execute("COMMIT");
    if (!done) database.rollback();
    return done;
}

Result<void> write(Database& database, const access::KeyRecord& record) {
    return in_transaction(database, [&] { return write_rows(database, record); });
}

Result<void> write_revoked(Database& database, const TenantId& tenant, const std::string& id,
                           WallMs at) {
    Statement select = database.prepare(HEADRACE_SELECT_KEYS " WHERE k.tenant = ? AND k.id = ?");
    select.start(tenant.name, id);
    const auto row = select.step();
    if (!row) return fail(row.error());
    if (!*row) return fail(ErrorCode::not_found, "no such key");
    auto record = read(select);
    select.reset();
    if (!record) return fail(record.error());
    record->revoked_at = at;
    return write(database, *record);
}

Result<void> write_uses(Database& database, const std::vector<access::KeyUse>& uses) {
    Statement put =
        database.prepare("INSERT OR REPLACE INTO key_uses(tenant, id, at) VALUES(?, ?, ?)");
    return in_transaction(database, [&]() -> Result<void> {
        for (const auto& use : uses) {
            if (auto done = put.run(use.tenant.name, use.id, use.at); !done) return done;
        }
        return {};
    });
}

}  // namespace

Result<std::vector<access::KeyRecord>> SqliteKeyStore::load_all() {
    std::vector<access::KeyRecord> out;
    Statement rows = catalog_.database().prepare(HEADRACE_SELECT_KEYS);
    rows.start();
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        auto record = read(rows);
        if (!record) return fail(record.error());
        out.push_back(std::move(*record));
    }
}

void SqliteKeyStore::save(access::KeyRecord record, access::Done<void> done) {
    catalog_.lane().ask<void>(
        [this, record = std::move(record)] { return write(catalog_.database(), record); },
        std::move(done));
}

void SqliteKeyStore::revoke(TenantId tenant, std::string id, WallMs at, access::Done<void> done) {
    catalog_.lane().ask<void>([this, tenant = std::move(tenant), id = std::move(id),
                               at] { return write_revoked(catalog_.database(), tenant, id, at); },
                              std::move(done));
}

void SqliteKeyStore::note_uses(std::vector<access::KeyUse> uses, access::Done<void> done) {
    catalog_.lane().ask<void>(
        [this, uses = std::move(uses)] { return write_uses(catalog_.database(), uses); },
        std::move(done));
}

}  // namespace headrace::stores
