#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "access/limit_rules.hpp"
#include "access/principal.hpp"
#include "access/published.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

namespace headrace::access {

class Limiter;

template <class T>
using Done = UniqueFunction<void(Result<T>)>;

/// What the directory keeps about those whom keys belong to.
enum class AccountKind : std::uint8_t { tenant, app, user };
std::string_view to_string(AccountKind kind);

struct ModelLimits {
    std::string model;
    Limits limits;
    bool operator==(const ModelLimits&) const = default;
};

/// A tenant (who pays), an app (what calls) or a user (who is behind a key), as it is stored.
struct Account {
    AccountKind kind = AccountKind::tenant;
    TenantId tenant;
    std::string name;  // a tenant's is its own
    std::string title;
    bool enabled = true;  // keys of what is not are refused
    WallMs created_at = 0;
    Limits limits;                    // tenants and apps
    std::vector<ModelLimits> models;  // tenants: for all of its callers together, by model
    std::string email;                // users
    Role role = Role::caller;         // users: what they are meant to do

    std::uint64_t version = 0;  // of the row, where servers share the store; given by it
    bool operator==(const Account&) const = default;
};

/// What PATCH changes: absent members stay.
struct AccountChange {
    std::optional<std::string> title;
    std::optional<bool> enabled;
    std::optional<Limits> limits;
    std::optional<std::vector<ModelLimits>> models;
    std::optional<std::string> email;
    std::optional<Role> role;
};

/// Keeps accounts. Answers as KeyStore does.
class AccountStore {
  public:
    virtual ~AccountStore() = default;
    /// Blocking; at start only.
    virtual Result<std::vector<Account>> load_all() = 0;
    virtual void save(Account account, Done<void> done) = 0;
    virtual void remove(AccountKind kind, TenantId tenant, std::string name, Done<void> done) = 0;
    /// As KeyStore::shared(); what is there now comes by Directory::take().
    [[nodiscard]] virtual bool shared() const { return false; }
};

/// All tenants, apps and users, in memory, for every loop. A tenant works without a record of its
/// own: the record adds limits, a title, and that it can be switched off. Thread-safe; a change
/// works, and its limits hold, before `done` runs.
class Directory {
  public:
    static constexpr std::size_t kMaxModels = 1000;

    /// `limiter` gets the limits of tenants, apps and models; null: they are only kept.
    Directory(AccountStore& store, const Clock& clock, Limiter* limiter);

    /// Reads the store. Blocking; call once, before anything else.
    Result<void> load();

    /// conflict when it is there; invalid_argument with the field's violation.
    void create(Account account, Done<Account> done);
    /// not_found; invalid_argument.
    void update(AccountKind kind, TenantId tenant, std::string name, AccountChange change,
                Done<Account> done);
    /// not_found; conflict while a working key belongs to it.
    void remove(AccountKind kind, TenantId tenant, std::string name, Done<void> done);

    /// All that a shared store holds now, in the place of what was known. Thread-safe.
    void take(std::vector<Account> all);

    [[nodiscard]] std::optional<Account> get(AccountKind kind, const TenantId& tenant,
                                             std::string_view name) const;
    /// By name; of one tenant, or of all.
    [[nodiscard]] std::vector<Account> list(AccountKind kind,
                                            const std::optional<TenantId>& tenant) const;

    /// permission_denied, naming it, when the tenant, app or user is switched off. Takes no lock.
    [[nodiscard]] Result<void> may_call(const TenantId& tenant, std::string_view app,
                                        std::string_view user) const;

    /// Asked before an account is removed.
    using InUse = std::function<bool(const Account&)>;
    void set_in_use(InUse in_use) { in_use_ = std::move(in_use); }

  private:
    using Key = std::tuple<AccountKind, std::string, std::string>;  // kind, tenant, name
    struct Accounts {
        std::map<Key, Account> all;
        std::size_t switched_off = 0;
    };

    void store(Account account, Done<Account> done);
    void apply(const Account* before, const Account* after);

    AccountStore& store_;
    const Clock& clock_;
    Limiter* const limiter_;
    InUse in_use_;
    Published<Accounts> accounts_;
};

/// What a tenant's, app's or user's record must be like: invalid_argument with the violation.
Result<void> check_account(const Account& account);
/// Limits are whole numbers that every store can keep: at most 10^12.
Result<void> check_limits(const Limits& limits, std::string_view path);

}  // namespace headrace::access
