#include "access/principal.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace headrace::access {
namespace {

Principal who(Role role, const char* tenant = "acme", bool system = false) {
    Principal principal;
    principal.tenant = TenantId(tenant);
    principal.key_id = "k1";
    principal.role = role;
    principal.system = system;
    return principal;
}

// Written out apart from the table, so that a slip in either shows.
TEST(Rights, EveryRoleHasExactlyTheseRights) {
    using R = Right;
    const std::set<R> use{R::open,          R::submit_job, R::read_job,   R::cancel_job,
                          R::remove_output, R::read_file,  R::write_file, R::read_catalog,
                          R::open_session,  R::use_console};
    const std::set<R> look{
        R::open,         R::read_job,    R::read_file,         R::read_catalog,
        R::read_workers, R::read_queues, R::read_dead_letters, R::read_usage,
        R::read_metrics, R::use_console, R::read_status,       R::read_upstreams};
    std::map<Role, std::set<R>> expected;
    expected[Role::worker] = {R::open, R::connect_worker};
    expected[Role::caller] = use;
    expected[Role::viewer] = look;
    expected[Role::developer] = use;
    expected[Role::developer].insert(look.begin(), look.end());
    expected[Role::developer].insert(R::replay);
    expected[Role::operator_] = expected[Role::developer];
    expected[Role::operator_].insert(
        {R::manage_workers, R::manage_queues, R::manage_upstreams, R::read_requests});
    expected[Role::admin] = expected[Role::operator_];
    expected[Role::admin].insert({R::manage_keys, R::read_audit, R::read_config, R::reload,
                                  R::manage_tenants, R::manage_apps, R::manage_users});
    for (const Role role : kRoles) {
        for (std::size_t i = 0; i < kRightCount; ++i) {
            const auto right = static_cast<Right>(i);
            EXPECT_EQ(allows(role, right), expected[role].contains(right))
                << to_string(role) << " " << to_string(right);
        }
    }
}

TEST(Rights, WordsAreUniqueAndReadBack) {
    std::set<std::string_view> words;
    for (std::size_t i = 0; i < kRightCount; ++i) words.insert(to_string(static_cast<Right>(i)));
    EXPECT_EQ(words.size(), kRightCount);
    for (const Role role : kRoles) EXPECT_EQ(role_from(to_string(role)), role);
    EXPECT_FALSE(role_from("root"));
    EXPECT_FALSE(role_from(""));
}

TEST(Rights, TheWholeServerIsTheSystemAdmins) {
    EXPECT_FALSE(authorize(who(Role::admin), Right::reload));
    EXPECT_TRUE(authorize(who(Role::admin, "default", true), Right::reload));
    EXPECT_TRUE(authorize(who(Role::admin), Right::manage_keys));
    const auto refused = authorize(who(Role::caller), Right::manage_keys);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
}

TEST(Sight, CallerSeesItsOwnOthersTheTenant) {
    EXPECT_EQ(seen_caller(who(Role::caller)), "k1");
    EXPECT_EQ(seen_caller(who(Role::worker)), "k1");
    for (const Role role : {Role::viewer, Role::developer, Role::operator_, Role::admin}) {
        EXPECT_EQ(seen_caller(who(role)), std::nullopt);
    }
}

TEST(Sight, OwnersOfQueuesAndWorkers) {
    const TenantId acme("acme"), other("other"), system("system");
    EXPECT_TRUE(may_see(who(Role::viewer), acme));
    EXPECT_TRUE(may_see(who(Role::viewer), system));
    EXPECT_FALSE(may_see(who(Role::viewer), other));
    EXPECT_TRUE(may_manage(who(Role::operator_), acme));
    EXPECT_FALSE(may_manage(who(Role::operator_), system));
    EXPECT_TRUE(may_manage(who(Role::operator_, "default"), system));
    EXPECT_FALSE(may_manage(who(Role::operator_, "default"), other));
    EXPECT_TRUE(may_manage(who(Role::admin, "default", true), other));
}

TEST(Sight, LimitsOfAKey) {
    Principal key = who(Role::caller);
    EXPECT_TRUE(may_use(key, "ocr"));
    key.capabilities = {"ocr", "speak"};
    EXPECT_TRUE(may_use(key, "speak"));
    EXPECT_FALSE(may_use(key, "speak2"));
    EXPECT_FALSE(may_use(key, ""));
}

TEST(ActingTenant, OnlyASystemAdminNamesAnother) {
    EXPECT_EQ(acting_tenant(who(Role::admin), std::nullopt)->name, "acme");
    EXPECT_EQ(acting_tenant(who(Role::admin), "acme")->name, "acme");
    EXPECT_EQ(acting_tenant(who(Role::admin), "other").error().code, ErrorCode::permission_denied);
    const auto system = who(Role::admin, "default", true);
    EXPECT_EQ(acting_tenant(system, "other")->name, "other");
    for (const char* bad : {"", "A", "-a", "a/b", "../x", "a b", "ü"}) {
        EXPECT_EQ(acting_tenant(system, bad).error().code, ErrorCode::invalid_argument) << bad;
    }
    EXPECT_FALSE(is_tenant_name(std::string(64, 'a')));
    EXPECT_TRUE(is_tenant_name(std::string(63, 'a')));
}

}  // namespace
}  // namespace headrace::access
