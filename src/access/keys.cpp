#include "access/keys.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <utility>

#include "access/directory.hpp"
#include "access/key_snapshot.hpp"
#include "access/limits.hpp"
#include "access/reply.hpp"

namespace headrace::access {
namespace {

constexpr std::size_t kMaxNameLength = 200;
constexpr std::size_t kMaxItems = 100;
constexpr int kContactRetry = 5;

std::string_view view(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Error field_error(std::string path, std::string rule, std::string limit) {
    std::string text = "the key's " + path + " is not valid";
    return Error{ErrorCode::invalid_argument,
                 std::move(text),
                 {{std::move(path), std::move(rule), std::move(limit)}},
                 0};
}

/// Never 401: the caller's key may be as good as ever.
Error out_of_contact() {
    return Error{ErrorCode::unavailable,
                 "this server cannot reach the database that knows which keys are good",
                 {},
                 kContactRetry};
}

Error no_such_key() {
    return Error{ErrorCode::not_found, "no such key", {}, 0};
}

}  // namespace

KeyRing::KeyRing(KeyStore& store, const Clock& clock, Directory* directory, Limiter* limiter)
    : store_(store), clock_(clock), directory_(directory), limiter_(limiter) {
    if (directory_ != nullptr) {
        directory_->set_in_use([this](const Account& account) { return in_use(account); });
    }
}

KeyRing::~KeyRing() = default;

Result<void> KeyRing::load() {
    auto records = store_.load_all();
    if (!records) return fail(std::move(records).error());
    put(std::move(*records));
    return {};
}

void KeyRing::put(std::vector<KeyRecord> records) {
    std::vector<LimitRule> rules;
    for (const auto& record : records) {
        const bool over = record.revoked_at != 0;
        rules.push_back(
            {{LimitScope::key, record.tenant, record.id}, over ? Limits{} : record.limits});
    }
    snapshot_.change([&](Snapshot& snapshot) {
        Snapshot::Keys::Changes changes(snapshot.keys);
        for (auto& record : records) snapshot.put(std::move(record), changes);
    });
    if (limiter_ != nullptr) limiter_->set(std::move(rules));
}

const KeyRing::Entry* KeyRing::entry(std::string_view id) const {
    return snapshot_.read().keys.find(id);
}

Result<void> KeyRing::check_usable(const KeyRecord& record) const {
    if (record.revoked_at != 0) return fail(ErrorCode::unauthenticated, "the key is revoked");
    if (record.expires_at != 0 && record.expires_at <= clock_.wall()) {
        return fail(ErrorCode::unauthenticated, "the key has expired");
    }
    if (directory_ == nullptr) return {};
    return directory_->may_call(record.tenant, record.app, record.user);
}

Result<std::shared_ptr<const Principal>> KeyRing::authenticate(std::string_view key,
                                                               std::string_view address) const {
    const auto text = parse_key(key);
    if (!text) return fail(ErrorCode::unauthenticated, "the key is not valid");
    const Entry* const found = entry(text->id);
    static const KeyRecord kNobody;
    const KeyRecord& record = found == nullptr ? kNobody : *found->record;
    // Both are always compared: the time tells neither whether the id is known nor which is right.
    const Sha256 digest = sha256(text->secret);
    const bool is_new = equal_in_constant_time(view(digest), view(record.digest));
    const bool is_old = equal_in_constant_time(view(digest), view(record.old_digest));
    const WallMs now = clock_.wall();
    if (found == nullptr || (!is_new && !(is_old && now < record.old_until))) {
        // It may have been made, or been given this secret, where we hear nothing from.
        if (store_.contact() != Contact::current) return fail(out_of_contact());
        return fail(ErrorCode::unauthenticated, "the key is not valid");
    }
    // Only who proved the secret learns more.
    if (auto usable = check_usable(record); !usable) return fail(std::move(usable).error());
    if (auto may = may_call_from(*found->principal, address); !may) {
        return fail(std::move(may).error());
    }
    if (auto known = check_contact(); !known) return fail(std::move(known).error());
    if (now - found->used->load(std::memory_order_relaxed) >= kUseGrain) {
        found->used->store(now, std::memory_order_relaxed);
    }
    return found->principal;
}

Result<void> KeyRing::check_contact() const {
    if (store_.contact() == Contact::expired) return fail(out_of_contact());
    return {};
}

bool KeyRing::still_valid(const Principal& principal) const {
    const Entry* const found = entry(principal.key_id);
    return found != nullptr && check_usable(*found->record).has_value();
}

Result<void> KeyRing::check(const KeyRecord& record) const {
    if (record.name.size() > kMaxNameLength) {
        return fail(field_error("name", "max_length", std::to_string(kMaxNameLength)));
    }
    if (!is_tenant_name(record.tenant.name) || record.tenant.name == kSystemTenant) {
        return fail(field_error("tenant", "format:tenant", "1 to 63 of a-z, 0-9, '-', '_'"));
    }
    if (record.capabilities.size() > kMaxItems) {
        return fail(field_error("capabilities", "max_items", std::to_string(kMaxItems)));
    }
    for (const auto& capability : record.capabilities) {
        if (capability.empty() || capability.size() > kMaxNameLength) {
            return fail(field_error("capabilities", "max_length", std::to_string(kMaxNameLength)));
        }
    }
    if (record.expires_at != 0 && record.expires_at <= clock_.wall()) {
        return fail(field_error("expires_at", "future", ""));
    }
    if (record.addresses.size() > kMaxItems) {
        return fail(field_error("addresses", "max_items", std::to_string(kMaxItems)));
    }
    for (const auto& block : record.addresses) {
        if (!Cidr::parse(block)) {
            return fail(field_error("addresses", "format:cidr", "such as 10.0.0.0/8"));
        }
    }
    return check_limits(record.limits, "limits");
}

/// Whether there are the app and the user that it belongs to.
Result<void> KeyRing::check_owners(const KeyRecord& record) const {
    for (const auto& [kind, name] :
         {std::pair{AccountKind::app, &record.app}, std::pair{AccountKind::user, &record.user}}) {
        if (name->empty()) continue;
        if (directory_ == nullptr || !directory_->get(kind, record.tenant, *name)) {
            return fail(field_error(std::string(to_string(kind)), "exists", ""));
        }
    }
    return {};
}

NewKey KeyRing::make(KeySpec spec, std::string by) {
    NewKey made;
    std::string id = new_key_id();
    while (entry(id) != nullptr) id = new_key_id();
    const std::string secret = new_key_secret();
    KeyRecord& record = made.record;
    record.id = id;
    record.tenant = std::move(spec.tenant);
    record.name = std::move(spec.name);
    record.role = spec.role;
    record.system = spec.role == Role::admin && record.tenant.name == kHouseTenant;
    record.capabilities = std::move(spec.capabilities);
    record.digest = sha256(secret);
    record.created_at = clock_.wall();
    record.expires_at = spec.expires_at;
    record.created_by = std::move(by);
    record.app = std::move(spec.app);
    record.user = std::move(spec.user);
    record.addresses = std::move(spec.addresses);
    record.limits = spec.limits;
    made.key = Secret(key_text(id, secret));
    return made;
}

/// Stores it, then makes it work, then answers.
void KeyRing::save(KeyRecord record, Done<KeyRecord> done) {
    KeyRecord copy = record;
    store_.save(std::move(copy), [this, record = std::move(record),
                                  done = std::move(done)](Result<void> saved) mutable {
        if (!saved) {
            done(fail(std::move(saved).error()));
            return;
        }
        if (!store_.shared()) put({record});
        done(std::move(record));
    });
}

/// What is not known here may have been made on another server a moment ago: the store is asked
/// before anybody is told that it does not exist.
void KeyRing::check_and_save(KeyRecord record, Done<KeyRecord> done) {
    auto sound = check(record);
    if (sound) {
        sound = check_owners(record);
        if (sound) return save(std::move(record), std::move(done));
        if (store_.shared()) {
            store_.catch_up([this, record = std::move(record),
                             done = std::move(done)](Result<void> caught) mutable {
                if (!caught) return done(fail(std::move(caught).error()));
                if (auto known = check_owners(record); !known) {
                    const bool heard = store_.contact() == Contact::current;
                    return done(fail(heard ? std::move(known).error() : out_of_contact()));
                }
                save(std::move(record), std::move(done));
            });
            return;
        }
    }
    reply_later<KeyRecord>(std::move(done), fail(std::move(sound).error()));
}

void KeyRing::create(KeySpec spec, const Principal& by, Done<NewKey> done) {
    if (spec.tenant != by.tenant && !by.system) {
        reply_later<NewKey>(std::move(done), fail(ErrorCode::permission_denied,
                                                  "only a system admin may make another tenant's "
                                                  "keys"));
        return;
    }
    NewKey made = make(std::move(spec), by.key_id);
    KeyRecord record = made.record;
    check_and_save(
        std::move(record),
        [made = std::move(made), done = std::move(done)](Result<KeyRecord> saved) mutable {
            if (saved) {
                done(std::move(made));
            } else {
                done(fail(std::move(saved).error()));
            }
        });
}

void KeyRing::update(TenantId tenant, std::string id, KeyChange change, Done<KeyRecord> done) {
    auto record = get(tenant, id);
    if (!record) {
        reply_later<KeyRecord>(std::move(done), fail(no_such_key()));
        return;
    }
    if (record->revoked_at != 0) {
        reply_later<KeyRecord>(std::move(done), fail(ErrorCode::conflict, "the key is revoked"));
        return;
    }
    if (change.name) record->name = std::move(*change.name);
    if (change.capabilities) record->capabilities = std::move(*change.capabilities);
    if (change.expires_at) record->expires_at = *change.expires_at;
    if (change.app) record->app = std::move(*change.app);
    if (change.user) record->user = std::move(*change.user);
    if (change.addresses) record->addresses = std::move(*change.addresses);
    if (change.limits) record->limits = *change.limits;
    check_and_save(std::move(*record), std::move(done));
}

void KeyRing::rotate(TenantId tenant, std::string id, std::chrono::seconds overlap,
                     Done<NewKey> done) {
    auto record = get(tenant, id);
    if (!record) {
        reply_later<NewKey>(std::move(done), fail(no_such_key()));
        return;
    }
    const WallMs now = clock_.wall();
    if (record->revoked_at != 0 || (record->expires_at != 0 && record->expires_at <= now)) {
        reply_later<NewKey>(std::move(done),
                            fail(ErrorCode::conflict, "the key is revoked or has expired"));
        return;
    }
    const auto kept =
        std::clamp<std::chrono::seconds>(overlap, std::chrono::seconds(0), kMaxOverlap);
    const std::string secret = new_key_secret();
    record->old_digest = record->digest;
    record->old_until = kept.count() == 0 ? 0 : now + std::chrono::milliseconds(kept).count();
    record->digest = sha256(secret);
    record->rotated_at = now;
    Secret text(key_text(record->id, secret));
    save(std::move(*record),
         [text = std::move(text), done = std::move(done)](Result<KeyRecord> saved) mutable {
             if (saved) {
                 done(NewKey{std::move(*saved), std::move(text)});
             } else {
                 done(fail(std::move(saved).error()));
             }
         });
}

void KeyRing::revoke(TenantId tenant, std::string id, Done<void> done) {
    auto record = get(tenant, id);
    if (!record) {
        reply_later<void>(std::move(done), fail(no_such_key()));
        return;
    }
    if (record->revoked_at != 0) {
        reply_later<void>(std::move(done), {});
        return;
    }
    record->revoked_at = clock_.wall();
    const WallMs at = record->revoked_at;
    store_.revoke(
        std::move(tenant), std::move(id), at,
        [this, record = std::move(*record), done = std::move(done)](Result<void> stored) mutable {
            if (stored && !store_.shared()) put({std::move(record)});
            done(std::move(stored));
        });
}

Result<NewKey> KeyRing::create_first_admin() {
    KeySpec spec;
    spec.name = "admin";
    spec.role = Role::admin;
    spec.tenant = TenantId(std::string(kHouseTenant));
    auto kept = store_.keep_first_admin(make(std::move(spec), "start"));
    if (!kept) return fail(std::move(kept).error());
    put({kept->record});
    return kept;
}

Result<NewKey> KeyStore::keep_first_admin(NewKey made) {
    std::promise<Result<void>> saved;
    save(made.record, [&saved](Result<void> result) { saved.set_value(std::move(result)); });
    auto result = saved.get_future().get();
    if (!result) return fail(std::move(result).error());
    return made;
}

}  // namespace headrace::access
