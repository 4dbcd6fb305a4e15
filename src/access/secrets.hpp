#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace headrace::access {

/// The file of master keys: text, one `<id> <64 hex digits>` a line, newest last; mode 0600. Each
/// use derives a key of its own from a master key (HKDF-SHA256), so that no two uses share one.
/// Immutable after open; thread-safe.
class MasterKeys {
  public:
    /// Reads the file, or makes it with one key. Refuses a file that others may read or write, or
    /// that is damaged: an unusable master key must stop the start, never be replaced.
    static Result<MasterKeys> open(const std::string& path);
    /// Adds a newest key to the file; old ones stay, to open what they sealed.
    static Result<void> rotate(const std::string& path);

    /// The key derived for a purpose from the newest key, or from the key with this id.
    [[nodiscard]] Secret derive(std::string_view purpose) const;
    [[nodiscard]] Result<Secret> derive(std::string_view purpose, std::uint32_t id) const;
    [[nodiscard]] std::uint32_t newest_id() const { return keys_.back().id; }
    [[nodiscard]] std::vector<std::uint32_t> ids() const;

  private:
    struct Key {
        std::uint32_t id = 0;
        Secret bytes;
    };
    std::vector<Key> keys_;
};

/// Seals what we must use again (upstream keys, HMAC and webhook secrets) with AES-256-GCM.
/// `context` says where the value belongs (tenant, name): sealed text moved elsewhere does not
/// open.
class Sealer {
  public:
    /// `keys` must outlive the sealer.
    Sealer(const MasterKeys& keys, std::string purpose);
    /// Bytes: version, key id, nonce, ciphertext, tag.
    [[nodiscard]] std::string seal(const Secret& value, std::string_view context) const;
    /// `internal` when it was not sealed here, was changed, or its key is gone.
    [[nodiscard]] Result<Secret> open(std::string_view sealed, std::string_view context) const;
    /// True when an older key than the newest sealed it: seal it again.
    [[nodiscard]] bool is_stale(std::string_view sealed) const;

  private:
    const MasterKeys& keys_;
    std::string purpose_;
};

/// What a signed address lets its holder do, without a key.
enum class UrlPurpose : std::uint8_t { read_content = 1, upload = 2 };

/// What a signed token says, and nobody can change.
struct UrlClaim {
    UrlPurpose purpose = UrlPurpose::read_content;
    TenantId tenant;
    FileId file;
    WallMs expires_at = 0;
    std::string note;  // of the signer, ≤ 1 kB: for an upload its owner, size and content type
};

/// Makes and checks the tokens of `url` and `upload_url`: base64url text for a query parameter.
/// Thread-safe.
class SignedUrls {
  public:
    SignedUrls(const MasterKeys& keys, const Clock& clock);
    [[nodiscard]] std::string sign(const UrlClaim& claim) const;
    /// permission_denied when it is forged, of another purpose or file, or has expired. One
    /// message.
    [[nodiscard]] Result<UrlClaim> verify(std::string_view token, UrlPurpose purpose,
                                          FileId file) const;

  private:
    std::vector<std::pair<std::uint32_t, Secret>> keys_;  // newest last
    const Clock& clock_;
};

}  // namespace headrace::access
