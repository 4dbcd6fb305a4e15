#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "access/limit_rules.hpp"
#include "access/principal.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/unique_function.hpp"

namespace headrace::access {

template <class T>
using Done = UniqueFunction<void(Result<T>)>;

/// What POST /keys asks for.
struct KeySpec {
    std::string name{};
    Role role = Role::caller;
    TenantId tenant{};
    std::vector<std::string> capabilities{};  // names, or ids of models; empty = all
    WallMs expires_at = 0;                    // 0 = never
    std::string app{};                        // must be there; empty = none
    std::string user{};                       // the same
    std::vector<std::string> addresses{};     // blocks it may be used from; empty = all
    Limits limits{};
};

/// What PATCH /keys/{id} changes: absent members stay.
struct KeyChange {
    std::optional<std::string> name;
    std::optional<std::vector<std::string>> capabilities;
    std::optional<WallMs> expires_at;
    std::optional<std::string> app;
    std::optional<std::string> user;
    std::optional<std::vector<std::string>> addresses;
    std::optional<Limits> limits;
};

/// A key as it is stored: the digest of the secret, never the secret.
struct KeyRecord {
    std::string id;
    TenantId tenant;
    std::string name;
    Role role = Role::caller;
    bool system = false;
    std::vector<std::string> capabilities;
    Sha256 digest{};
    WallMs created_at = 0;
    WallMs expires_at = 0;
    WallMs revoked_at = 0;
    std::string created_by;  // id of the key that made it, or "start"

    std::string app;
    std::string user;
    std::vector<std::string> addresses;
    Limits limits;
    Sha256 old_digest{};    // of the secret before the last rotation
    WallMs old_until = 0;   // that one works until then
    WallMs rotated_at = 0;  // 0 = never
    WallMs last_used = 0;   // within a second; 0 = not yet

    std::uint64_t version = 0;  // of the row, where servers share the store; given by it
};

struct NewKey {
    KeyRecord record;
    Secret key;  // hr_<id>_<secret>, shown once
};

struct KeyUse {
    TenantId tenant;
    std::string id;
    WallMs at = 0;
};

/// How well a store that servers share knows what the others did.
enum class Contact : std::uint8_t {
    current,
    lost,    // it hears of no change at the moment
    expired  // and that for so long that what is known counts no more
};

/// Keeps keys. Answers as jobs::JobLog does: on the calling loop, after the data is on disk; called
/// from a thread that runs no loop (at start), on a thread of the store's.
class KeyStore {
  public:
    virtual ~KeyStore() = default;
    /// Blocking; at start only.
    virtual Result<std::vector<KeyRecord>> load_all() = 0;
    virtual void save(KeyRecord record, Done<void> done) = 0;
    virtual void revoke(TenantId tenant, std::string id, WallMs at, Done<void> done) = 0;
    /// When keys were last used; `last_used` of save() is not looked at.
    virtual void note_uses(std::vector<KeyUse> uses, Done<void> done) = 0;

    /// True where other servers write the same store: every change, this server's own too, reaches
    /// the ring by KeyRing::take() before `done` runs. What another has changed since the record
    /// was read (`version`) is not overwritten: conflict.
    [[nodiscard]] virtual bool shared() const { return false; }
    [[nodiscard]] virtual Contact contact() const { return Contact::current; }
    /// Where it is shared: all that was stored anywhere before the call has reached the ring and the
    /// directory when `done` runs, also what nobody has told this server yet.
    virtual void catch_up(Done<void> done) { done({}); }
    /// Keeps the key of the first admin; where servers share the store and one of them has made
    /// such a key that still works, that one is given instead. Blocking; at start only.
    virtual Result<NewKey> keep_first_admin(NewKey made);
};

}  // namespace headrace::access
