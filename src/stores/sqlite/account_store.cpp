#include "stores/sqlite/account_store.hpp"

#include "stores/base/row_codec.hpp"
#include "stores/sqlite/limits_row.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

std::string encode(const access::Account& account) {
    RowWriter out;
    out.number(kFormat);
    out.text(account.title);
    out.number(account.enabled ? 1 : 0);
    out.signed_number(account.created_at);
    write_limits(out, account.limits);
    out.number(account.models.size());
    for (const auto& model : account.models) {
        out.text(model.model);
        write_limits(out, model.limits);
    }
    out.text(account.email);
    out.text(access::to_string(account.role));
    return out.take();
}

bool decode(std::string_view body, access::Account& account) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    account.title = in.text();
    account.enabled = in.number() != 0;
    account.created_at = in.signed_number();
    account.limits = read_limits(in);
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        std::string model = in.text();
        account.models.push_back({std::move(model), read_limits(in)});
    }
    account.email = in.text();
    const auto role = access::role_from(in.text());
    if (!role || !in.complete()) return false;
    account.role = *role;
    return true;
}

std::int64_t sum_of(const access::Account& account, std::string_view body) {
    return RowSum("accounts")
        .add(static_cast<std::int64_t>(account.kind))
        .add(account.tenant.name)
        .add(account.name)
        .add(body)
        .value();
}

Result<void> write(Database& database, const access::Account& account) {
    const std::string body = encode(account);
    return database
        .prepare(
            "INSERT OR REPLACE INTO accounts(kind, tenant, name, sum, body) "
            "VALUES(?, ?, ?, ?, ?)")
        .run(static_cast<std::int64_t>(account.kind), account.tenant.name, account.name,
             sum_of(account, body), Blob{body});
}

}  // namespace

Result<std::vector<access::Account>> SqliteAccountStore::load_all() {
    std::vector<access::Account> out;
    Statement rows =
        catalog_.database().prepare("SELECT kind, tenant, name, sum, body FROM accounts");
    rows.start();
    for (;;) {
        const auto row = rows.step();
        if (!row) return fail(row.error());
        if (!*row) return out;
        access::Account account;
        const auto kind = rows.integer(0);
        account.kind = static_cast<access::AccountKind>(kind);
        account.tenant = TenantId(std::string(rows.bytes(1)));
        account.name = rows.bytes(2);
        const std::string_view body = rows.bytes(4);
        const bool known = kind >= 0 && kind <= static_cast<int>(access::AccountKind::user);
        if (!known || sum_of(account, body) != rows.integer(3) || !decode(body, account)) {
            return fail(ErrorCode::internal,
                        "damaged row in catalog.db: table accounts, name " + account.name);
        }
        out.push_back(std::move(account));
    }
}

void SqliteAccountStore::save(access::Account account, access::Done<void> done) {
    catalog_.lane().ask<void>(
        [this, account = std::move(account)] { return write(catalog_.database(), account); },
        std::move(done));
}

void SqliteAccountStore::remove(access::AccountKind kind, TenantId tenant, std::string name,
                                access::Done<void> done) {
    catalog_.lane().ask<void>(
        [this, kind, tenant = std::move(tenant), name = std::move(name)] {
            return catalog_.database()
                .prepare("DELETE FROM accounts WHERE kind = ? AND tenant = ? AND name = ?")
                .run(static_cast<std::int64_t>(kind), tenant.name, name);
        },
        std::move(done));
}

}  // namespace headrace::stores
