#pragma once
// Internal: the changes of the catalog as calls. Each takes the next number of its part and tells
// the other servers.

#include <vector>

#include "access/audit.hpp"
#include "access/directory.hpp"
#include "access/key_record.hpp"
#include "access/secrets.hpp"
#include "stores/postgres/connection.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::stores {

/// Makes the record the row, if the row is still the one that it was read from (`version`; 0: if
/// there is none). Whether it was shows in PgRows::changed().
PgCall save_key(const access::KeyRecord& record);
PgCall note_key_uses(const std::vector<access::KeyUse>& uses);
PgCall save_account(const access::Account& account);
PgCall remove_account(access::AccountKind kind, const TenantId& tenant, const std::string& name);
/// Whatever is there.
PgCall save_upstream(const upstreams::UpstreamSpec& spec, const access::Sealer& sealer);
/// Unless there is one.
PgCall add_upstream(const upstreams::UpstreamSpec& spec, const access::Sealer& sealer);
PgCall remove_upstream(const TenantId& tenant, const std::string& name);
/// Gives the last of the next numbers of the audit, for add_audit().
PgCall take_audit_numbers(std::size_t count);
PgCall add_audit(const access::AuditEntry& entry);
PgCall tell_others();

/// The change and the news of it, in one go; what the change gave.
Result<PgRows> commit_change(PgConnection& connection, PgCall change);

}  // namespace headrace::stores
