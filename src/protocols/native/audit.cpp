#include "protocols/native/audit.hpp"

#include "access/audit.hpp"

namespace headrace::protocols::native {

void audit(Site& site, const access::Principal& who, const TenantId& tenant, std::string_view act,
           std::string_view object, const Error* error) {
    access::AuditEntry entry;
    entry.at = site.parts.clock.wall();
    entry.tenant = tenant;
    entry.actor = who.key_id;
    entry.act = act;
    entry.object = object;
    entry.outcome = error == nullptr ? "ok" : std::string(to_string(error->code));
    site.parts.audit.append(std::move(entry), {});
}

}  // namespace headrace::protocols::native
