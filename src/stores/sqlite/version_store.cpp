#include "stores/sqlite/version_store.hpp"

#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

std::string encode(const catalog::VersionRecord& r) {
    RowWriter out;
    out.number(kFormat);
    out.text(r.title);
    out.text(r.description);
    out.text(r.interface);
    out.signed_number(r.created_at);
    out.number(r.hidden ? 1 : 0);
    out.number(r.limits.slots);
    out.number(r.limits.max_batch);
    out.number(r.limits.max_wait_ms);
    out.number(r.limits.run_timeout_ms);
    out.number(r.limits.stall_timeout_ms);
    out.number(r.limits.cancel_grace_ms);
    out.number(r.limits.start_timeout_ms);
    out.number(r.limits.memory_bytes);
    return out.take();
}

bool decode(std::string_view body, catalog::VersionRecord& r) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    const auto small = [&in] { return static_cast<std::uint32_t>(in.number()); };
    r.title = in.text();
    r.description = in.text();
    r.interface = in.text();
    r.created_at = in.signed_number();
    r.hidden = in.number() != 0;
    r.limits.slots = small();
    r.limits.max_batch = small();
    r.limits.max_wait_ms = small();
    r.limits.run_timeout_ms = small();
    r.limits.stall_timeout_ms = small();
    r.limits.cancel_grace_ms = small();
    r.limits.start_timeout_ms = small();
    r.limits.memory_bytes = in.number();
    return in.complete();
}

std::int64_t sum_of(const catalog::VersionRecord& r, std::string_view body) {
    return RowSum("versions").add(r.tenant.name).add(r.name).add(r.version).add(body).value();
}

Result<void> write(Database& database, const catalog::VersionRecord& r) {
    const std::string body = encode(r);
    return database
        .prepare(
            "INSERT OR REPLACE INTO versions(tenant, name, version, sum, body) "
            "VALUES(?, ?, ?, ?, ?)")
        .run(r.tenant.name, r.name, r.version, sum_of(r, body), Blob{body});
}

/// A server that comes or goes changes all of its models: one transaction, and one wait for the
/// disk.
Result<void> write_together(Database& database,
                            const std::vector<catalog::VersionRecord>& records) {
    if (records.size() == 1) return write(database, records.front());
    auto done = database.execute("BEGIN IMMEDIATE");
    for (const auto& record : records) {
        if (done) done = write(database, record);
    }
    if (done) done = database.execute("COMMIT");
    if (!done) database.rollback();
    return done;
}

}  // namespace

Result<std::vector<catalog::VersionRecord>> SqliteVersionStore::load() {
    std::vector<catalog::VersionRecord> out;
    Statement rows =
        catalog_.database().prepare("SELECT tenant, name, version, sum, body FROM versions");
    rows.start();
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        catalog::VersionRecord record;
        record.tenant = TenantId(std::string(rows.bytes(0)));
        record.name = rows.bytes(1);
        record.version = rows.bytes(2);
        const std::string_view body = rows.bytes(4);
        if (sum_of(record, body) != rows.integer(3) || !decode(body, record)) {
            return fail(ErrorCode::internal, "damaged row in catalog.db: table versions, name " +
                                                 record.name + "@" + record.version);
        }
        out.push_back(std::move(record));
    }
}

void SqliteVersionStore::save(std::vector<catalog::VersionRecord> records,
                              UniqueFunction<void(Result<void>)> done) {
    catalog_.lane().ask<void>(
        [this, records = std::move(records)] {
            return write_together(catalog_.database(), records);
        },
        std::move(done));
}

void SqliteVersionStore::remove(TenantId tenant, std::string name, std::string version,
                                UniqueFunction<void(Result<void>)> done) {
    catalog_.lane().ask<void>(
        [this, tenant = std::move(tenant), name = std::move(name), version = std::move(version)] {
            return catalog_.database()
                .prepare("DELETE FROM versions WHERE tenant = ? AND name = ? AND version = ?")
                .run(tenant.name, name, version);
        },
        std::move(done));
}

}  // namespace headrace::stores
