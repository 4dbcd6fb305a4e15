#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/key_record.hpp"
#include "access/key_text.hpp"
#include "access/principal.hpp"
#include "access/published.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace headrace::access {

class Directory;
class Limiter;
struct Account;

/// All keys, in memory, for every loop. authenticate() takes no lock while no key changes, and asks
/// no database: what is revoked is so at once, and a key that is known works while the store is
/// away: as long as the server runs where the store is its own, as long as KeyStore::contact() says
/// where others write it too.
///
/// A secret has 256 random bits and needs no slow hash: what is kept is its SHA-256, compared in
/// constant time, and an unknown id costs the same work as a known one.
class KeyRing {
  public:
    static constexpr std::chrono::hours kMaxOverlap{90 * 24};

    /// `directory`: apps and users that keys belong to, and who is switched off. `limiter` gets the
    /// limits of keys. Both outlive the ring; null: there are none.
    KeyRing(KeyStore& store, const Clock& clock, Directory* directory = nullptr,
            Limiter* limiter = nullptr);
    ~KeyRing();
    KeyRing(const KeyRing&) = delete;
    KeyRing& operator=(const KeyRing&) = delete;

    /// Reads the store. Blocking; call once, before anything else.
    Result<void> load();

    /// The key text alone (see bearer_of), and the address that it came from ("": a Unix socket).
    /// unauthenticated when it is not a key, unknown, revoked or expired; permission_denied from an
    /// address that it may not be used from, and when its tenant, app or user is switched off;
    /// unavailable when the store has been out of contact for so long that nobody can tell.
    /// Thread-safe; about a microsecond.
    [[nodiscard]] Result<std::shared_ptr<const Principal>> authenticate(
        std::string_view key, std::string_view address) const;
    /// False once the key is revoked, expired or switched off: for connections that outlive a
    /// request. Thread-safe.
    [[nodiscard]] bool still_valid(const Principal& principal) const;
    /// unavailable while the store is out of contact for so long that no key may be used.
    [[nodiscard]] Result<void> check_contact() const;

    /// What other servers, or this one, changed in a shared store. Thread-safe.
    void take(std::vector<KeyRecord> records) { put(std::move(records)); }
    void take_uses(const std::vector<KeyUse>& uses);

    /// Makes a key. `by` may only make keys of its own tenant unless it is a system admin:
    /// permission_denied; invalid_argument with the field's violation. Thread-safe; `done` runs
    /// after the key is stored and works.
    void create(KeySpec spec, const Principal& by, Done<NewKey> done);
    /// not_found; invalid_argument; conflict when it is revoked. Works before `done`.
    void update(TenantId tenant, std::string id, KeyChange change, Done<KeyRecord> done);
    /// Gives the key a new secret. The old one works for `overlap` more; one that an earlier
    /// rotation left stops now. conflict when the key is revoked or has expired.
    void rotate(TenantId tenant, std::string id, std::chrono::seconds overlap, Done<NewKey> done);
    /// Takes effect before `done`. not_found outside the tenant; revoking twice is no error.
    void revoke(TenantId tenant, std::string id, Done<void> done);

    /// Newest first, revoked and expired ones too. Thread-safe.
    [[nodiscard]] std::vector<KeyRecord> list(const TenantId& tenant) const;
    [[nodiscard]] std::optional<KeyRecord> get(const TenantId& tenant, std::string_view id) const;
    /// Over all tenants: for a system admin, and nobody else.
    [[nodiscard]] std::vector<KeyRecord> list_all() const;
    [[nodiscard]] std::optional<KeyRecord> find(std::string_view id) const;
    /// Who the key of this id is, also when it is no good any more; null when there is none.
    [[nodiscard]] std::shared_ptr<const Principal> whose(std::string_view id) const;

    /// Writes down when keys were last used, of those used since the last call. From one loop.
    void note_uses(Done<void> done);

    /// Makes a system admin key and waits for it: at start, from a thread that runs no loop.
    Result<NewKey> create_first_admin();

  private:
    struct Entry;
    struct Snapshot;
    const Entry* entry(std::string_view id) const;
    void put(std::vector<KeyRecord> records);
    void save(KeyRecord record, Done<KeyRecord> done);
    void check_and_save(KeyRecord record, Done<KeyRecord> done);
    NewKey make(KeySpec spec, std::string by);
    [[nodiscard]] Result<void> check(const KeyRecord& record) const;
    [[nodiscard]] Result<void> check_owners(const KeyRecord& record) const;
    [[nodiscard]] Result<void> check_usable(const KeyRecord& record) const;
    [[nodiscard]] bool in_use(const Account& account) const;

    KeyStore& store_;
    const Clock& clock_;
    Directory* const directory_;
    Limiter* const limiter_;
    Published<Snapshot> snapshot_;
    WallMs noted_at_ = 0;  // of the loop that calls note_uses()
};

/// Leaves a working system admin key and a newline in `path` (mode 0600): the one that is there if
/// it still works, else a new one. Blocking; at start only.
Result<void> ensure_admin_key(KeyRing& keys, const std::string& path);

}  // namespace headrace::access
