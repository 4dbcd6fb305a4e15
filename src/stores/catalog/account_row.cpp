#include "stores/catalog/account_row.hpp"

#include "stores/base/row_codec.hpp"
#include "stores/catalog/limits_row.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

}  // namespace

std::string account_body(const access::Account& account) {
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

bool read_account_body(std::string_view body, access::Account& account) {
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

std::int64_t account_sum(const access::Account& account, std::string_view body) {
    return RowSum("accounts")
        .add(static_cast<std::int64_t>(account.kind))
        .add(account.tenant.name)
        .add(account.name)
        .add(body)
        .value();
}

bool is_account_kind(std::int64_t number) {
    return number >= 0 && number <= static_cast<int>(access::AccountKind::user);
}

}  // namespace headrace::stores
