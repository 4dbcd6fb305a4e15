#include "stores/postgres/catalog_writes.hpp"

#include "stores/catalog/account_row.hpp"
#include "stores/catalog/audit_row.hpp"
#include "stores/catalog/key_row.hpp"
#include "stores/catalog/upstream_row.hpp"

namespace headrace::stores {
namespace {

// The number's row is locked until the commit: changes of a part happen one after the other.
#define HEADRACE_NEXT(part)                                                         \
    "WITH n AS (UPDATE catalog_changes SET number = number + 1 WHERE part = '" part \
    "' RETURNING number) "

// $1 tenant, $2 id, $3 sum, $4 body, $5 sum of details, $6 details, $7 version.
const PgStatement kSaveKey{
    "catalog_save_key",
    HEADRACE_NEXT("keys")
    "INSERT INTO keys AS k(tenant, id, changed, sum, body, details_sum, details) "
    "SELECT $1::text, $2::text, n.number, $3::int8, $4::bytea, $5::int8, $6::bytea FROM n "
    "ON CONFLICT (tenant, id) DO UPDATE SET changed = excluded.changed, sum = excluded.sum, "
    "body = excluded.body, details_sum = excluded.details_sum, details = excluded.details "
    "WHERE k.changed = $7::int8"};

const PgStatement kNoteUses{
    "catalog_note_uses",
    "INSERT INTO key_uses AS u(tenant, id, at) "
    "SELECT * FROM unnest($1::text[], $2::text[], $3::int8[]) "
    "ON CONFLICT (tenant, id) DO UPDATE SET at = greatest(u.at, excluded.at)"};

// $1 kind, $2 tenant, $3 name, $4 sum, $5 body.
const PgStatement kAddAccount{
    "catalog_add_account",
    HEADRACE_NEXT("accounts")
    "INSERT INTO accounts(kind, tenant, name, changed, sum, body) "
    "SELECT $1::int2, $2::text, $3::text, n.number, $4::int8, $5::bytea FROM n "
    "ON CONFLICT (kind, tenant, name) DO NOTHING"};

// The same, and $6 version. One that was removed meanwhile does not come back.
const PgStatement kChangeAccount{
    "catalog_change_account",
    HEADRACE_NEXT("accounts")
    "UPDATE accounts a SET changed = n.number, sum = $4::int8, body = $5::bytea FROM n "
    "WHERE kind = $1::int2 AND tenant = $2::text AND name = $3::text AND a.changed = $6::int8"};

const PgStatement kRemoveAccount{
    "catalog_remove_account",
    HEADRACE_NEXT("accounts")
    "DELETE FROM accounts USING n WHERE kind = $1::int2 AND tenant = $2::text AND name = $3::text"};

#define HEADRACE_ADD_UPSTREAM                                          \
    HEADRACE_NEXT("upstreams")                                         \
    "INSERT INTO upstreams AS u(tenant, name, changed, sum, body) "    \
    "SELECT $1::text, $2::text, n.number, $3::int8, $4::bytea FROM n " \
    "ON CONFLICT (tenant, name) "

const PgStatement kSaveUpstream{"catalog_save_upstream", HEADRACE_ADD_UPSTREAM
                                "DO UPDATE SET changed = excluded.changed, sum = excluded.sum, "
                                "body = excluded.body"};
const PgStatement kAddUpstream{"catalog_add_upstream", HEADRACE_ADD_UPSTREAM "DO NOTHING"};

const PgStatement kRemoveUpstream{
    "catalog_remove_upstream",
    HEADRACE_NEXT(
        "upstreams") "DELETE FROM upstreams USING n WHERE tenant = $1::text AND name = $2::text"};

const PgStatement kTakeAudit{
    "catalog_take_audit",
    "UPDATE catalog_changes SET number = number + $1::int8 WHERE part = 'audit' "
    "RETURNING number"};
const PgStatement kAddAudit{"catalog_add_audit",
                            "INSERT INTO audit(tenant, number, at, sum, body) "
                            "VALUES($1::text, $2::int8, $3::int8, $4::int8, $5::bytea)"};

const PgStatement kTell{"catalog_tell", "SELECT pg_notify('headrace_catalog', '')"};

std::int16_t number_of(access::AccountKind kind) {
    return static_cast<std::int16_t>(kind);
}

PgParameters upstream_row(const upstreams::UpstreamSpec& spec, const access::Sealer& sealer) {
    std::string body = upstream_body(spec, sealer);
    const auto sum = upstream_sum(spec.tenant.name, spec.name, body);
    return PgParameters().text(spec.tenant.name).text(spec.name).big(sum).bytes(std::move(body));
}

}  // namespace

PgCall save_key(const access::KeyRecord& record) {
    std::string body = key_body(record);
    std::string details = has_key_details(record) ? key_details(record) : std::string();
    const auto sum = key_sum(record, body);
    const auto details_sum = details.empty() ? 0 : key_details_sum(record, details);
    return {&kSaveKey, PgParameters()
                           .text(record.tenant.name)
                           .text(record.id)
                           .big(sum)
                           .bytes(std::move(body))
                           .big(details_sum)
                           .bytes(std::move(details))
                           .big(static_cast<std::int64_t>(record.version))};
}

PgCall note_key_uses(const std::vector<access::KeyUse>& uses) {
    PgArray tenants(PgType::text);
    PgArray ids(PgType::text);
    PgArray times(PgType::big);
    for (const auto& use : uses) {
        tenants.add(use.tenant.name);
        ids.add(use.id);
        times.add_big(use.at);
    }
    return {&kNoteUses, PgParameters().array(tenants).array(ids).array(times)};
}

PgCall save_account(const access::Account& account) {
    std::string body = account_body(account);
    const auto sum = account_sum(account, body);
    PgParameters row;
    row.small(number_of(account.kind))
        .text(account.tenant.name)
        .text(account.name)
        .big(sum)
        .bytes(std::move(body));
    if (account.version == 0) return {&kAddAccount, std::move(row)};
    row.big(static_cast<std::int64_t>(account.version));
    return {&kChangeAccount, std::move(row)};
}

PgCall remove_account(access::AccountKind kind, const TenantId& tenant, const std::string& name) {
    return {&kRemoveAccount, PgParameters().small(number_of(kind)).text(tenant.name).text(name)};
}

PgCall save_upstream(const upstreams::UpstreamSpec& spec, const access::Sealer& sealer) {
    return {&kSaveUpstream, upstream_row(spec, sealer)};
}

PgCall add_upstream(const upstreams::UpstreamSpec& spec, const access::Sealer& sealer) {
    return {&kAddUpstream, upstream_row(spec, sealer)};
}

PgCall remove_upstream(const TenantId& tenant, const std::string& name) {
    return {&kRemoveUpstream, PgParameters().text(tenant.name).text(name)};
}

PgCall take_audit_numbers(std::size_t count) {
    return {&kTakeAudit, PgParameters().big(static_cast<std::int64_t>(count))};
}

PgCall add_audit(const access::AuditEntry& entry) {
    std::string body = audit_body(entry);
    const auto sum = audit_sum(entry, body);
    return {&kAddAudit, PgParameters()
                            .text(entry.tenant.name)
                            .big(static_cast<std::int64_t>(entry.number))
                            .big(entry.at)
                            .big(sum)
                            .bytes(std::move(body))};
}

PgCall tell_others() {
    return {&kTell, {}};
}

Result<PgRows> commit_change(PgConnection& connection, PgCall change) {
    const PgCall calls[] = {std::move(change), tell_others()};
    auto done = connection.transact(calls);
    if (!done) return fail(std::move(done).error());
    return std::move(done->front());
}

}  // namespace headrace::stores
