#include "access/principal.hpp"

#include <algorithm>
#include <array>

namespace headrace::access {
namespace {

using Roles = std::uint8_t;  // one bit per role

constexpr Roles bit(Role role) {
    return static_cast<Roles>(1U << static_cast<unsigned>(role));
}

constexpr Roles kAdmin = bit(Role::admin);
constexpr Roles kOperators = kAdmin | bit(Role::operator_);
constexpr Roles kBuilders = kOperators | bit(Role::developer);
constexpr Roles kReaders = kBuilders | bit(Role::viewer);
constexpr Roles kSubmitters = kBuilders | bit(Role::caller);
constexpr Roles kPeople = kReaders | bit(Role::caller);
// Keys of workers lie on machines that others own: they open the worker link and nothing else, and
// no other key opens it.
constexpr Roles kWorkers = bit(Role::worker);

struct Rule {
    Right right;
    std::string_view word;
    Roles roles;
};

constexpr std::array<Rule, kRightCount> kRules{{
    {Right::open, "open", kPeople | kWorkers},
    {Right::submit_job, "submit_job", kSubmitters},
    {Right::read_job, "read_job", kPeople},
    {Right::cancel_job, "cancel_job", kSubmitters},
    {Right::remove_output, "remove_output", kSubmitters},
    {Right::read_file, "read_file", kPeople},
    {Right::write_file, "write_file", kSubmitters},
    {Right::read_catalog, "read_catalog", kPeople},
    {Right::open_session, "open_session", kSubmitters},
    {Right::connect_worker, "connect_worker", kWorkers},
    {Right::manage_keys, "manage_keys", kAdmin},
    {Right::read_workers, "read_workers", kReaders},
    {Right::manage_workers, "manage_workers", kOperators},
    {Right::read_queues, "read_queues", kReaders},
    {Right::manage_queues, "manage_queues", kOperators},
    {Right::read_dead_letters, "read_dead_letters", kReaders},
    {Right::replay, "replay", kBuilders},
    {Right::read_usage, "read_usage", kReaders},
    {Right::read_audit, "read_audit", kAdmin},
    {Right::read_config, "read_config", kAdmin},
    {Right::reload, "reload", kAdmin},
    {Right::read_metrics, "read_metrics", kReaders},
    {Right::use_console, "use_console", kPeople},
    {Right::read_status, "read_status", kReaders},
    {Right::manage_tenants, "manage_tenants", kAdmin},
    {Right::manage_apps, "manage_apps", kAdmin},
    {Right::manage_users, "manage_users", kAdmin},
    {Right::read_upstreams, "read_upstreams", kReaders},
    {Right::manage_upstreams, "manage_upstreams", kOperators},
    {Right::read_requests, "read_requests", kOperators},
}};

constexpr bool rules_stand_in_order() {
    for (std::size_t i = 0; i < kRules.size(); ++i) {
        if (static_cast<std::size_t>(kRules[i].right) != i) return false;
    }
    return true;
}
static_assert(rules_stand_in_order(), "a right is missing from the table");

constexpr std::array<std::string_view, kRoles.size()> kRoleWords{"admin",  "operator", "developer",
                                                                 "viewer", "caller",   "worker"};

const Rule& rule(Right right) {
    return kRules.at(static_cast<std::size_t>(right));
}

}  // namespace

std::string_view to_string(Role role) {
    return kRoleWords.at(static_cast<std::size_t>(role));
}

std::optional<Role> role_from(std::string_view word) {
    const auto at = std::find(kRoleWords.begin(), kRoleWords.end(), word);
    if (at == kRoleWords.end()) return std::nullopt;
    return static_cast<Role>(at - kRoleWords.begin());
}

std::string_view to_string(Right right) {
    return rule(right).word;
}

bool allows(Role role, Right right) {
    return (rule(right).roles & bit(role)) != 0;
}

bool needs_system(Right right) {
    return right == Right::read_config || right == Right::reload || right == Right::manage_tenants;
}

Result<void> authorize(const Principal& principal, Right right) {
    if (!allows(principal.role, right)) {
        return fail(ErrorCode::permission_denied,
                    "a key with the role " + std::string(to_string(principal.role)) +
                        " lacks the right " + std::string(to_string(right)));
    }
    if (needs_system(right) && !principal.system) {
        return fail(ErrorCode::permission_denied,
                    "the right " + std::string(to_string(right)) + " is the system admin's");
    }
    return {};
}

std::optional<std::string> seen_caller(const Principal& principal) {
    const bool all = (kReaders & bit(principal.role)) != 0;
    return all ? std::nullopt : std::optional(principal.key_id);
}

bool may_use(const Principal& principal, std::string_view capability) {
    const auto& names = principal.capabilities;
    return names.empty() || std::find(names.begin(), names.end(), capability) != names.end();
}

bool may_use(const Principal& principal, std::string_view capability, std::string_view model) {
    return may_use(principal, capability) || may_use(principal, model);
}

Result<void> may_call_from(const Principal& principal, std::string_view address) {
    const auto& networks = principal.networks;
    if (networks.empty()) return {};
    boost::system::error_code error;
    const auto from =
        boost::asio::ip::make_address(std::string(address.empty() ? kThisMachine : address), error);
    const auto holds = [&](const Cidr& block) { return block.contains(from); };
    if (!error && std::any_of(networks.begin(), networks.end(), holds)) return {};
    return fail(ErrorCode::permission_denied, "the key may not be used from this address");
}

bool may_see(const Principal& principal, const TenantId& owner) {
    return principal.system || owner == principal.tenant || owner.name == kSystemTenant;
}

bool may_manage(const Principal& principal, const TenantId& owner) {
    return principal.system || owner == principal.tenant ||
           (owner.name == kSystemTenant && principal.tenant.name == kHouseTenant);
}

Result<TenantId> acting_tenant(const Principal& principal, std::optional<std::string_view> named) {
    if (!named || *named == principal.tenant.name) return principal.tenant;
    if (!principal.system) {
        return fail(ErrorCode::permission_denied, "only a system admin may name another tenant");
    }
    if (!is_tenant_name(*named)) {
        return fail(Error{ErrorCode::invalid_argument,
                          "not a tenant name",
                          {{"tenant", "format:tenant", "1 to 63 of a-z, 0-9, '-', '_'"}}});
    }
    return TenantId(std::string(*named));
}

bool is_tenant_name(std::string_view name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    const auto inner = [&](char c) { return plain(c) || c == '-' || c == '_'; };
    return !name.empty() && name.size() <= 63 && plain(name.front()) &&
           std::all_of(name.begin(), name.end(), inner);
}

}  // namespace headrace::access
