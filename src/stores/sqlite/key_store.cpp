#include "stores/sqlite/key_store.hpp"

#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

std::string encode(const access::KeyRecord& r) {
    RowWriter out;
    out.number(kFormat);
    out.text(r.name);
    out.text(access::to_string(r.role));
    out.number(r.system ? 1 : 0);
    out.number(r.capabilities.size());
    for (const auto& name : r.capabilities) out.text(name);
    out.fixed({reinterpret_cast<const char*>(r.digest.data()), r.digest.size()});
    out.signed_number(r.created_at);
    out.signed_number(r.expires_at);
    out.signed_number(r.revoked_at);
    out.text(r.created_by);
    return out.take();
}

bool decode(std::string_view body, access::KeyRecord& r) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    r.name = in.text();
    const auto role = access::role_from(in.text());
    r.system = in.number() != 0;
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        r.capabilities.push_back(in.text());
    }
    const std::string_view digest = in.fixed(32);
    std::copy(digest.begin(), digest.end(), r.digest.begin());
    r.created_at = in.signed_number();
    r.expires_at = in.signed_number();
    r.revoked_at = in.signed_number();
    r.created_by = in.text();
    if (!role || !in.complete()) return false;
    r.role = *role;
    return true;
}

std::int64_t sum_of(const std::string& tenant, const std::string& id, std::string_view body) {
    return RowSum("keys").add(tenant).add(id).add(body).value();
}

Result<access::KeyRecord> read(const Statement& row) {
    access::KeyRecord record;
    record.tenant = TenantId(std::string(row.bytes(0)));
    record.id = row.bytes(1);
    const std::string_view body = row.bytes(3);
    if (sum_of(record.tenant.name, record.id, body) != row.integer(2) || !decode(body, record)) {
        return fail(ErrorCode::internal, "damaged row in catalog.db: table keys, id " + record.id);
    }
    return record;
}

Result<void> write(Database& database, const access::KeyRecord& record) {
    const std::string body = encode(record);
    return database.prepare("INSERT OR REPLACE INTO keys(tenant, id, sum, body) VALUES(?, ?, ?, ?)")
        .run(record.tenant.name, record.id, sum_of(record.tenant.name, record.id, body),
             Blob{body});
}

Result<void> write_revoked(Database& database, const TenantId& tenant, const std::string& id,
                           WallMs at) {
    Statement select =
        database.prepare("SELECT tenant, id, sum, body FROM keys WHERE tenant = ? AND id = ?");
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

}  // namespace

Result<std::vector<access::KeyRecord>> SqliteKeyStore::load_all() {
    std::vector<access::KeyRecord> out;
    Statement rows = catalog_.database().prepare("SELECT tenant, id, sum, body FROM keys");
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

}  // namespace headrace::stores
