#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
    std::string name;
    Role role = Role::caller;
    TenantId tenant;
    std::vector<std::string> capabilities;  // empty = all
    WallMs expires_at = 0;                  // 0 = never
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
};

struct NewKey {
    KeyRecord record;
    Secret key;  // hr_<id>_<secret>, shown once
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
};

/// All keys, in memory, for every loop. authenticate() takes no lock while no key changes: each
/// thread keeps the snapshot it saw last and looks at one atomic number.
///
/// A key is `hr_<id>_<secret>`: 12 characters, then 32 random bytes as base64url. A secret of that
/// entropy needs no slow hash: what is kept is its SHA-256, compared in constant time, and an
/// unknown id costs the same work as a known one.
class KeyRing {
  public:
    KeyRing(KeyStore& store, const Clock& clock);
    ~KeyRing();
    KeyRing(const KeyRing&) = delete;
    KeyRing& operator=(const KeyRing&) = delete;

    /// Reads the store. Blocking; call once, before anything else.
    Result<void> load();

    /// The key text alone (see bearer_of). unauthenticated when it is not a key, unknown, revoked
    /// or expired. Thread-safe; about a microsecond.
    [[nodiscard]] Result<std::shared_ptr<const Principal>> authenticate(std::string_view key) const;
    /// False once the key is revoked or expired: for connections that outlive a request.
    /// Thread-safe.
    [[nodiscard]] bool still_valid(const Principal& principal) const;

    /// Makes a key. `by` may only make keys of its own tenant unless it is a system admin:
    /// permission_denied; invalid_argument with the field's violation. Thread-safe; `done` runs
    /// after the key is stored and works.
    void create(KeySpec spec, const Principal& by, Done<NewKey> done);
    /// Takes effect before `done`. not_found outside the tenant; revoking twice is no error.
    void revoke(TenantId tenant, std::string id, Done<void> done);

    /// Newest first, revoked and expired ones too. Thread-safe.
    [[nodiscard]] std::vector<KeyRecord> list(const TenantId& tenant) const;
    [[nodiscard]] std::optional<KeyRecord> get(const TenantId& tenant, std::string_view id) const;
    /// Over all tenants: for a system admin, and nobody else.
    [[nodiscard]] std::vector<KeyRecord> list_all() const;
    [[nodiscard]] std::optional<KeyRecord> find(std::string_view id) const;

    /// Makes a system admin key and waits for it: at start, from a thread that runs no loop.
    Result<NewKey> create_first_admin();

  private:
    struct Snapshot;
    std::shared_ptr<const Snapshot> snapshot() const;
    void put(KeyRecord record);
    NewKey make(KeySpec spec, std::string by);

    KeyStore& store_;
    const Clock& clock_;
    mutable std::mutex mutex_;  // guards current_ only
    std::shared_ptr<const Snapshot> current_;
    std::atomic<std::uint64_t> version_{0};  // of current_; unique in the process
};

/// The key text of an `Authorization: Bearer …` header; nullopt for another scheme.
std::optional<std::string_view> bearer_of(std::string_view authorization);

/// Leaves a working system admin key and a newline in `path` (mode 0600): the one that is there if
/// it still works, else a new one. Blocking; at start only.
Result<void> ensure_admin_key(KeyRing& keys, const std::string& path);

}  // namespace headrace::access
