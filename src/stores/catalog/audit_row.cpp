#include "stores/catalog/audit_row.hpp"

#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

}  // namespace

std::string audit_body(const access::AuditEntry& entry) {
    RowWriter out;
    out.number(kFormat);
    out.text(entry.actor);
    out.text(entry.act);
    out.text(entry.object);
    out.text(entry.outcome);
    return out.take();
}

bool read_audit_body(std::string_view body, access::AuditEntry& entry) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    entry.actor = in.text();
    entry.act = in.text();
    entry.object = in.text();
    entry.outcome = in.text();
    return in.complete();
}

std::int64_t audit_sum(const access::AuditEntry& entry, std::string_view body) {
    return RowSum("audit")
        .add(entry.tenant.name)
        .add(static_cast<std::int64_t>(entry.number))
        .add(entry.at)
        .add(body)
        .value();
}

}  // namespace headrace::stores
