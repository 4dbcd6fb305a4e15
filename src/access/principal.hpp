#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace headrace::access {

/// What a key may do in its tenant.
enum class Role : std::uint8_t { admin, operator_, developer, viewer, caller, worker };
inline constexpr std::array kRoles{Role::admin,  Role::operator_, Role::developer,
                                   Role::viewer, Role::caller,    Role::worker};
/// "admin", "operator", "developer", "viewer", "caller", "worker".
std::string_view to_string(Role role);
std::optional<Role> role_from(std::string_view word);

/// What a route asks for; every route names exactly one. `open` needs no key at all.
enum class Right : std::uint16_t {
    open,
    submit_job,  // also retry
    read_job,
    cancel_job,
    remove_output,
    read_file,
    write_file,  // also remove
    read_catalog,
    open_session,
    connect_worker,
    manage_keys,  // also read: who may see keys may make them
    read_workers,
    manage_workers,
    read_queues,
    manage_queues,
    read_dead_letters,
    replay,
    read_usage,
    read_audit,
    read_config,
    reload,
    read_metrics,
    use_console,  // sign in to it; what is done there has rights of its own
    read_status,
    manage_tenants,  // also read
    manage_apps,     // also read
    manage_users,    // also read
    read_upstreams,
    manage_upstreams,
    read_requests,  // the request log, which may hold what others asked and were answered
};
inline constexpr std::size_t kRightCount = static_cast<std::size_t>(Right::read_requests) + 1;
std::string_view to_string(Right right);

/// The tenant of those who run the server: its admins are the system's admins, and its operators
/// may manage what belongs to kSystemTenant.
inline constexpr std::string_view kHouseTenant = "default";
/// Owner of the capabilities and hosts that come with `--engine`; visible to every tenant.
inline constexpr std::string_view kSystemTenant = "system";

/// The address of who does not come over a network.
inline constexpr std::string_view kThisMachine = "127.0.0.1";

/// Who a request comes from. Immutable; shared by the requests of one key.
struct Principal {
    TenantId tenant;
    std::string key_id;
    std::string name;  // the key's, for people
    Role role = Role::caller;
    bool system = false;                    // admin of the whole server
    std::vector<std::string> capabilities;  // names or model ids it may use; empty = all
    WallMs expires_at = 0;                  // 0 = never
    std::string app{};                      // that the key belongs to; empty = none
    std::string user{};                     // the same
    std::vector<Cidr> networks{};           // it may be used from; empty = all
};

/// The one table of rights. It does not look at `system`; see authorize().
bool allows(Role role, Right right);
/// True for what touches the whole server (read_config, reload, manage_tenants): a tenant's admin
/// may not.
bool needs_system(Right right);

/// permission_denied, naming right and role, when the principal may not.
Result<void> authorize(const Principal& principal, Right right);

/// Rule of sight: whose jobs and files it may see. A caller: its own key's; every other role: all
/// of its tenant (nullopt). Fits jobs::Scope::caller and jobs::JobQuery::caller.
std::optional<std::string> seen_caller(const Principal& principal);

/// Whether the key's list lets it use the capability of this name (without a version), or of this
/// name and with this model's id: either may stand in the list.
bool may_use(const Principal& principal, std::string_view capability);
bool may_use(const Principal& principal, std::string_view capability, std::string_view model);

/// permission_denied unless the key may be used from this client address. "" is a Unix socket, and
/// counts as 127.0.0.1.
Result<void> may_call_from(const Principal& principal, std::string_view address);

/// Whether it may see, or pause, drain and remove, what belongs to `owner` (queues, workers).
bool may_see(const Principal& principal, const TenantId& owner);
bool may_manage(const Principal& principal, const TenantId& owner);

/// The tenant a route acts in: its own, or the one it names, which only a system admin may do:
/// permission_denied, or invalid_argument when the name is not a tenant name.
Result<TenantId> acting_tenant(const Principal& principal, std::optional<std::string_view> named);

/// 1 to 63 of a-z, 0-9, '-', '_', beginning with a letter or digit.
bool is_tenant_name(std::string_view name);

}  // namespace headrace::access
