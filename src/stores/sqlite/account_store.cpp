#include "stores/sqlite/account_store.hpp"

#include "stores/catalog/account_row.hpp"

namespace headrace::stores {
namespace {

Result<void> write(Database& database, const access::Account& account) {
    const std::string body = account_body(account);
    return database
        .prepare(
            "INSERT OR REPLACE INTO accounts(kind, tenant, name, sum, body) "
            "VALUES(?, ?, ?, ?, ?)")
        .run(static_cast<std::int64_t>(account.kind), account.tenant.name, account.name,
             account_sum(account, body), Blob{body});
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
        if (!is_account_kind(kind) || account_sum(account, body) != rows.integer(3) ||
            !read_account_body(body, account)) {
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
