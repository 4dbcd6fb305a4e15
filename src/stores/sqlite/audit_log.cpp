#include "stores/sqlite/audit_log.hpp"

#include <limits>

#include "base/log.hpp"
#include "stores/catalog/audit_row.hpp"

namespace headrace::stores {
namespace {

Result<void> write(Database& database, access::AuditEntry& entry) {
    Statement last =
        database.prepare("SELECT coalesce(max(number), 0) FROM audit WHERE tenant = ?");
    last.start(entry.tenant.name);
    const auto row = last.step();
    if (!row) return fail(row.error());
    entry.number = static_cast<std::uint64_t>(last.integer(0)) + 1;
    last.reset();
    const std::string body = audit_body(entry);
    return database
        .prepare("INSERT INTO audit(tenant, number, at, sum, body) VALUES(?, ?, ?, ?, ?)")
        .run(entry.tenant.name, entry.number, entry.at, audit_sum(entry, body), Blob{body});
}

Result<std::vector<access::AuditEntry>> read(Database& database, const TenantId& tenant,
                                             std::uint64_t before, std::uint32_t limit) {
    std::vector<access::AuditEntry> out;
    Statement rows = database.prepare(
        "SELECT number, at, sum, body FROM audit "
        "WHERE tenant = ? AND number < ? ORDER BY number DESC LIMIT ?");
    const std::int64_t end =
        before == 0 ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(before);
    rows.start(tenant.name, end, limit);
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        access::AuditEntry entry;
        entry.tenant = tenant;
        entry.number = static_cast<std::uint64_t>(rows.integer(0));
        entry.at = rows.integer(1);
        const std::string_view body = rows.bytes(3);
        if (audit_sum(entry, body) != rows.integer(2) || !read_audit_body(body, entry)) {
            return fail(ErrorCode::internal, "damaged row in catalog.db: table audit, number " +
                                                 std::to_string(entry.number));
        }
        out.push_back(std::move(entry));
    }
}

}  // namespace

Result<std::vector<access::AuditEntry>> SqliteAuditLog::load_all() {
    std::vector<access::AuditEntry> out;
    Statement rows = catalog_.database().prepare("SELECT tenant, number, at, sum, body FROM audit");
    rows.start();
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        access::AuditEntry entry;
        entry.tenant = TenantId(std::string(rows.bytes(0)));
        entry.number = static_cast<std::uint64_t>(rows.integer(1));
        entry.at = rows.integer(2);
        const std::string_view body = rows.bytes(4);
        if (audit_sum(entry, body) != rows.integer(3) || !read_audit_body(body, entry)) {
            return fail(ErrorCode::internal, "damaged row in catalog.db: table audit, number " +
                                                 std::to_string(entry.number));
        }
        out.push_back(std::move(entry));
    }
}

void SqliteAuditLog::append(access::AuditEntry entry, access::Done<void> done) {
    const bool unheard = !done;
    catalog_.lane().ask<void>(
        [this, entry = std::move(entry), unheard]() mutable {
            auto written = write(catalog_.database(), entry);
            if (!written && unheard) {
                log::error("audit entry lost act={} tenant={} error=\"{}\"", entry.act,
                           entry.tenant.name, written.error().message);
            }
            return written;
        },
        std::move(done));
}

void SqliteAuditLog::list(TenantId tenant, std::uint64_t before, std::uint32_t limit,
                          access::Done<std::vector<access::AuditEntry>> done) {
    catalog_.lane().ask<std::vector<access::AuditEntry>>(
        [this, tenant = std::move(tenant), before, limit] {
            return read(catalog_.database(), tenant, before, limit);
        },
        std::move(done));
}

}  // namespace headrace::stores
