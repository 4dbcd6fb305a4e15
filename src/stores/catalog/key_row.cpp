#include "stores/catalog/key_row.hpp"

#include <algorithm>

#include "stores/base/row_codec.hpp"
#include "stores/catalog/limits_row.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

std::int64_t sum_of(std::string_view table, const access::KeyRecord& r, std::string_view body) {
    return RowSum(table).add(r.tenant.name).add(r.id).add(body).value();
}

}  // namespace

std::string key_body(const access::KeyRecord& r) {
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

bool read_key_body(std::string_view body, access::KeyRecord& r) {
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

bool has_key_details(const access::KeyRecord& r) {
    return !r.app.empty() || !r.user.empty() || !r.addresses.empty() || r.limits.any() ||
           r.rotated_at != 0;
}

std::string key_details(const access::KeyRecord& r) {
    RowWriter out;
    out.number(kFormat);
    out.text(r.app);
    out.text(r.user);
    out.number(r.addresses.size());
    for (const auto& block : r.addresses) out.text(block);
    write_limits(out, r.limits);
    out.fixed({reinterpret_cast<const char*>(r.old_digest.data()), r.old_digest.size()});
    out.signed_number(r.old_until);
    out.signed_number(r.rotated_at);
    return out.take();
}

bool read_key_details(std::string_view body, access::KeyRecord& r) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    r.app = in.text();
    r.user = in.text();
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        r.addresses.push_back(in.text());
    }
    r.limits = read_limits(in);
    const std::string_view digest = in.fixed(32);
    std::copy(digest.begin(), digest.end(), r.old_digest.begin());
    r.old_until = in.signed_number();
    r.rotated_at = in.signed_number();
    return in.complete();
}

std::int64_t key_sum(const access::KeyRecord& record, std::string_view body) {
    return sum_of("keys", record, body);
}
std::int64_t key_details_sum(const access::KeyRecord& record, std::string_view body) {
    return sum_of("key_details", record, body);
}

}  // namespace headrace::stores
