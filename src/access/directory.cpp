#include "access/directory.hpp"

#include <algorithm>
#include <utility>

#include "access/limits.hpp"
#include "access/reply.hpp"

namespace headrace::access {
namespace {

constexpr std::size_t kMaxName = 100;
constexpr std::size_t kMaxTitle = 200;
constexpr std::size_t kMaxModelName = 256;
constexpr std::uint64_t kMaxLimit = 1'000'000'000'000;

Error field_error(std::string path, std::string rule, std::string limit) {
    std::string text = "the value of " + path + " is not valid";
    return Error{ErrorCode::invalid_argument,
                 std::move(text),
                 {{std::move(path), std::move(rule), std::move(limit)}},
                 0};
}

/// Apps and users: what stands in a path without being escaped, and in a log line as one word.
bool is_account_name(std::string_view name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const auto inner = [&](char c) {
        return plain(c) || std::string_view("-_.@+").find(c) != std::string_view::npos;
    };
    return !name.empty() && name.size() <= kMaxName && plain(name.front()) &&
           std::all_of(name.begin(), name.end(), inner);
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string no_such(AccountKind kind) {
    return "there is no such " + std::string(to_string(kind));
}

/// The rules an account brings with it.
std::vector<LimitRule> rules_of(const Account& account) {
    std::vector<LimitRule> rules;
    if (account.kind == AccountKind::user) return rules;
    const auto scope = account.kind == AccountKind::app ? LimitScope::app : LimitScope::tenant;
    const std::string name = account.kind == AccountKind::app ? account.name : std::string();
    rules.push_back({{scope, account.tenant, name}, account.limits});
    for (const auto& model : account.models) {
        rules.push_back({{LimitScope::model, account.tenant, model.model}, model.limits});
    }
    return rules;
}

/// What the limiter is told when one becomes the other; either may be null.
std::vector<LimitRule> rules_between(const Account* before, const Account* after) {
    std::vector<LimitRule> rules;
    if (before != nullptr) {
        rules = rules_of(*before);
        for (auto& rule : rules) rule.limits = Limits{};
    }
    if (after != nullptr) {
        for (auto& rule : rules_of(*after)) {
            std::erase_if(rules, [&](const LimitRule& old) {
                return old.subject.scope == rule.subject.scope &&
                       old.subject.name == rule.subject.name;
            });
            rules.push_back(std::move(rule));
        }
    }
    return rules;
}

}  // namespace

std::string_view to_string(AccountKind kind) {
    constexpr std::array<std::string_view, 3> kWords{"tenant", "app", "user"};
    return kWords.at(static_cast<std::size_t>(kind));
}

Result<void> check_limits(const Limits& limits, std::string_view path) {
    for (const auto value : {limits.requests_per_minute, limits.requests_per_day,
                             limits.tokens_per_minute, limits.concurrency}) {
        if (value > kMaxLimit) {
            return fail(field_error(std::string(path), "maximum", std::to_string(kMaxLimit)));
        }
    }
    return {};
}

Result<void> check_account(const Account& account) {
    const bool of_tenant = account.kind == AccountKind::tenant;
    if (!is_tenant_name(account.tenant.name)) {
        return fail(field_error(of_tenant ? "name" : "tenant", "format:tenant",
                                "1 to 63 of a-z, 0-9, '-', '_'"));
    }
    if (!of_tenant && !is_account_name(account.name)) {
        return fail(field_error("name", "format:name", "1 to 100 of a-z, A-Z, 0-9, '-_.@+'"));
    }
    if (of_tenant && account.tenant.name == kHouseTenant && !account.enabled) {
        return fail(field_error("enabled", "house_tenant", "who runs the server stays in"));
    }
    for (const auto& [path, text] :
         {std::pair<const char*, const std::string&>{"title", account.title},
          {"email", account.email}}) {
        if (text.size() > kMaxTitle) {
            return fail(field_error(path, "max_length", std::to_string(kMaxTitle)));
        }
        if (has_control(text)) return fail(field_error(path, "format:text", ""));
    }
    if (account.models.size() > Directory::kMaxModels) {
        return fail(field_error("models", "max_items", std::to_string(Directory::kMaxModels)));
    }
    for (const auto& model : account.models) {
        if (model.model.empty() || model.model.size() > kMaxModelName || has_control(model.model)) {
            return fail(field_error("models", "format:model", std::to_string(kMaxModelName)));
        }
        if (auto sound = check_limits(model.limits, "models"); !sound) return sound;
    }
    return check_limits(account.limits, "limits");
}

Directory::Directory(AccountStore& store, const Clock& clock, Limiter* limiter)
    : store_(store), clock_(clock), limiter_(limiter) {}

Result<void> Directory::load() {
    auto loaded = store_.load_all();
    if (!loaded) return fail(std::move(loaded).error());
    std::vector<LimitRule> rules;
    accounts_.change([&](Accounts& accounts) {
        for (auto& account : *loaded) {
            for (auto& rule : rules_of(account)) rules.push_back(std::move(rule));
            accounts.switched_off += account.enabled ? 0 : 1;
            Key key{account.kind, account.tenant.name, account.name};
            accounts.all.insert_or_assign(std::move(key), std::move(account));
        }
    });
    if (limiter_ != nullptr) limiter_->set(std::move(rules));
    return {};
}

/// Makes a stored change visible; either may be null.
void Directory::apply(const Account* before, const Account* after) {
    accounts_.change([&](Accounts& accounts) {
        if (before != nullptr) {
            accounts.all.erase(Key{before->kind, before->tenant.name, before->name});
            accounts.switched_off -= before->enabled ? 0 : 1;
        }
        if (after != nullptr) {
            accounts.all.insert_or_assign(Key{after->kind, after->tenant.name, after->name},
                                          *after);
            accounts.switched_off += after->enabled ? 0 : 1;
        }
    });
    if (limiter_ == nullptr) return;
    limiter_->set(rules_between(before, after));
}

void Directory::take(std::vector<Account> all) {
    std::vector<LimitRule> rules;
    const auto note = [&rules](const Account* before, const Account* after) {
        for (auto& rule : rules_between(before, after)) rules.push_back(std::move(rule));
    };
    accounts_.change([&](Accounts& accounts) {
        auto before = std::exchange(accounts.all, {});
        accounts.switched_off = 0;
        for (auto& account : all) {
            Key key{account.kind, account.tenant.name, account.name};
            const auto known = before.extract(key);
            if (!known) note(nullptr, &account);
            if (known && known.mapped() != account) note(&known.mapped(), &account);
            accounts.switched_off += account.enabled ? 0 : 1;
            accounts.all.insert_or_assign(std::move(key), std::move(account));
        }
        for (const auto& [key, gone] : before) note(&gone, nullptr);
    });
    if (limiter_ != nullptr) limiter_->set(std::move(rules));
}

void Directory::store(Account account, Done<Account> done) {
    Account copy = account;
    store_.save(std::move(copy), [this, account = std::move(account),
                                  done = std::move(done)](Result<void> saved) mutable {
        if (!saved) {
            done(fail(std::move(saved).error()));
            return;
        }
        if (!store_.shared()) {
            const auto before = get(account.kind, account.tenant, account.name);
            apply(before ? &*before : nullptr, &account);
        }
        done(std::move(account));
    });
}

void Directory::create(Account account, Done<Account> done) {
    if (account.kind == AccountKind::tenant) account.name = account.tenant.name;
    if (auto sound = check_account(account); !sound) {
        reply_later<Account>(std::move(done), fail(std::move(sound).error()));
        return;
    }
    if (get(account.kind, account.tenant, account.name)) {
        reply_later<Account>(
            std::move(done),
            fail(ErrorCode::conflict,
                 "there is such a " + std::string(to_string(account.kind)) + " already"));
        return;
    }
    account.created_at = clock_.wall();
    store(std::move(account), std::move(done));
}

void Directory::update(AccountKind kind, TenantId tenant, std::string name, AccountChange change,
                       Done<Account> done) {
    auto account = get(kind, tenant, name);
    if (!account) {
        reply_later<Account>(std::move(done), fail(ErrorCode::not_found, no_such(kind)));
        return;
    }
    if (change.title) account->title = std::move(*change.title);
    if (change.enabled) account->enabled = *change.enabled;
    if (change.limits) account->limits = *change.limits;
    if (change.models) account->models = std::move(*change.models);
    if (change.email) account->email = std::move(*change.email);
    if (change.role) account->role = *change.role;
    if (auto sound = check_account(*account); !sound) {
        reply_later<Account>(std::move(done), fail(std::move(sound).error()));
        return;
    }
    store(std::move(*account), std::move(done));
}

void Directory::remove(AccountKind kind, TenantId tenant, std::string name, Done<void> done) {
    const auto account = get(kind, tenant, name);
    if (!account) {
        reply_later<void>(std::move(done), fail(ErrorCode::not_found, no_such(kind)));
        return;
    }
    if (in_use_ && in_use_(*account)) {
        reply_later<void>(std::move(done), fail(ErrorCode::conflict,
                                                "working keys belong to it; revoke them first"));
        return;
    }
    store_.remove(kind, std::move(tenant), std::move(name),
                  [this, account = *account, done = std::move(done)](Result<void> removed) mutable {
                      if (removed && !store_.shared()) apply(&account, nullptr);
                      done(std::move(removed));
                  });
}

std::optional<Account> Directory::get(AccountKind kind, const TenantId& tenant,
                                      std::string_view name) const {
    const Accounts& accounts = accounts_.read();
    const auto found = accounts.all.find(Key{kind, tenant.name, std::string(name)});
    if (found == accounts.all.end()) return std::nullopt;
    return found->second;
}

std::vector<Account> Directory::list(AccountKind kind,
                                     const std::optional<TenantId>& tenant) const {
    std::vector<Account> out;
    for (const auto& [key, account] : accounts_.read().all) {
        if (account.kind == kind && (!tenant || account.tenant == *tenant)) out.push_back(account);
    }
    return out;
}

Result<void> Directory::may_call(const TenantId& tenant, std::string_view app,
                                 std::string_view user) const {
    const Accounts& accounts = accounts_.read();
    if (accounts.switched_off == 0) return {};
    const auto off = [&](AccountKind kind, std::string_view name) {
        const auto found = accounts.all.find(Key{kind, tenant.name, std::string(name)});
        return found != accounts.all.end() && !found->second.enabled;
    };
    const auto refuse = [](std::string_view what, std::string_view name) {
        return fail(ErrorCode::permission_denied,
                    "the " + std::string(what) + ' ' + std::string(name) + " is switched off");
    };
    if (off(AccountKind::tenant, tenant.name)) return refuse("tenant", tenant.name);
    if (!app.empty() && off(AccountKind::app, app)) return refuse("app", app);
    if (!user.empty() && off(AccountKind::user, user)) return refuse("user", user);
    return {};
}

}  // namespace headrace::access
