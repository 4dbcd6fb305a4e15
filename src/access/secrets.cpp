#include "access/secrets.hpp"

#include <memory>
#include <stdexcept>

#include <openssl/evp.h>

#include "base/digest.hpp"

namespace headrace::access {
namespace {

// Sealed text: version (1), key id (4, big-endian), nonce (12), ciphertext, tag (16).
constexpr char kSealVersion = 1;
constexpr std::size_t kHeadBytes = 5;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

// Token: version (1), key id (4), purpose (1), expiry (8), file (16), tenant length (1), tenant,
// note; then the HMAC-SHA256 over all of it.
constexpr char kTokenVersion = 1;
constexpr std::size_t kTokenHeadBytes = 1 + 4 + 1 + 8 + 16 + 1;
constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMaxTokenLength = 4096;
constexpr std::string_view kUrlPurpose = "signed urls";

void put_number(std::string& out, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t number_at(std::string_view bytes, std::size_t offset, std::size_t count) {
    std::uint64_t value = 0;
    for (const char byte : bytes.substr(offset, count)) {
        value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
}

const unsigned char* in(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* out(std::string& text, std::size_t offset) {
    return reinterpret_cast<unsigned char*>(text.data()) + offset;
}

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

std::string bound_context(std::string_view head, std::string_view context) {
    return std::string(head) + std::string(context);
}

}  // namespace

Sealer::Sealer(const MasterKeys& keys, std::string purpose)
    : keys_(keys), purpose_("seal " + std::move(purpose)) {}

std::string Sealer::seal(const Secret& value, std::string_view context) const {
    const std::string_view plain = value.reveal();
    std::string sealed(1, kSealVersion);
    put_number(sealed, keys_.newest_id(), 4);
    const std::string bound = bound_context(sealed, context);
    const std::string nonce = random_bytes(kNonceBytes);
    sealed += nonce;
    const std::size_t body = sealed.size();
    sealed.resize(body + plain.size() + kTagBytes);

    const Secret key = keys_.derive(purpose_);
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int count = 0;
    int rest = 0;
    const bool ok =
        EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, in(key.reveal()), in(nonce)) ==
            1 &&
        EVP_EncryptUpdate(cipher.get(), nullptr, &rest, in(bound),
                          static_cast<int>(bound.size())) == 1 &&
        EVP_EncryptUpdate(cipher.get(), out(sealed, body), &count, in(plain),
                          static_cast<int>(plain.size())) == 1 &&
        EVP_EncryptFinal_ex(cipher.get(), out(sealed, body + static_cast<std::size_t>(count)),
                            &rest) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                            out(sealed, body + plain.size())) == 1;
    if (!ok) throw std::runtime_error("AES-256-GCM is not available in OpenSSL");
    return sealed;
}

Result<Secret> Sealer::open(std::string_view sealed, std::string_view context) const {
    if (sealed.size() < kHeadBytes + kNonceBytes + kTagBytes || sealed[0] != kSealVersion) {
        return fail(ErrorCode::internal, "not a sealed value");
    }
    const auto key = keys_.derive(purpose_, static_cast<std::uint32_t>(number_at(sealed, 1, 4)));
    if (!key) return fail(key.error());
    const std::string bound = bound_context(sealed.substr(0, kHeadBytes), context);
    const std::string_view nonce = sealed.substr(kHeadBytes, kNonceBytes);
    const std::string_view body = sealed.substr(
        kHeadBytes + kNonceBytes, sealed.size() - kHeadBytes - kNonceBytes - kTagBytes);
    std::string tag(sealed.substr(sealed.size() - kTagBytes));
    std::string plain(body.size(), '\0');

    const Cipher cipher(EVP_CIPHER_CTX_new());
    int count = 0;
    int rest = 0;
    const bool ok =
        EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, in(key->reveal()),
                           in(nonce)) == 1 &&
        EVP_DecryptUpdate(cipher.get(), nullptr, &rest, in(bound),
                          static_cast<int>(bound.size())) == 1 &&
        EVP_DecryptUpdate(cipher.get(), out(plain, 0), &count, in(body),
                          static_cast<int>(body.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), out(plain, static_cast<std::size_t>(count)), &rest) == 1;
    Secret opened(std::move(plain));
    if (!ok) return fail(ErrorCode::internal, "a sealed value was changed or moved");
    return opened;
}

bool Sealer::is_stale(std::string_view sealed) const {
    return sealed.size() >= kHeadBytes && number_at(sealed, 1, 4) != keys_.newest_id();
}

SignedUrls::SignedUrls(const MasterKeys& keys, const Clock& clock) : clock_(clock) {
    for (const std::uint32_t id : keys.ids()) keys_.emplace_back(id, *keys.derive(kUrlPurpose, id));
}

std::string SignedUrls::sign(const UrlClaim& claim) const {
    const auto& [id, key] = keys_.back();
    std::string token(1, kTokenVersion);
    put_number(token, id, 4);
    put_number(token, static_cast<std::uint64_t>(claim.purpose), 1);
    put_number(token, static_cast<std::uint64_t>(claim.expires_at), 8);
    token += claim.file.raw();
    put_number(token, claim.tenant.name.size(), 1);
    token += claim.tenant.name;
    token += claim.note;
    const Sha256 mac = hmac_sha256(key.reveal(), token);
    token.append(reinterpret_cast<const char*>(mac.data()), mac.size());
    return to_base64url(token);
}

Result<UrlClaim> SignedUrls::verify(std::string_view token, UrlPurpose purpose, FileId file) const {
    const auto refused = [] {
        return fail(ErrorCode::permission_denied, "the address is not valid or has expired");
    };
    if (token.size() > kMaxTokenLength) return refused();
    const auto bytes = from_base64url(token);
    if (!bytes || bytes->size() < kTokenHeadBytes + kMacBytes) return refused();
    const std::string_view body = std::string_view(*bytes).substr(0, bytes->size() - kMacBytes);
    const std::string_view mac = std::string_view(*bytes).substr(body.size());
    const auto id = static_cast<std::uint32_t>(number_at(body, 1, 4));
    const Secret* key = nullptr;
    for (const auto& known : keys_) {
        if (known.first == id) key = &known.second;
    }
    if (key == nullptr) return refused();
    const Sha256 expected = hmac_sha256(key->reveal(), body);
    const std::string_view expected_text(reinterpret_cast<const char*>(expected.data()),
                                         expected.size());
    if (!equal_in_constant_time(mac, expected_text) || body[0] != kTokenVersion) return refused();

    UrlClaim claim;
    claim.purpose = static_cast<UrlPurpose>(body[5]);
    claim.expires_at = static_cast<WallMs>(number_at(body, 6, 8));
    claim.file = *FileId::from_raw(body.substr(14, 16));
    const auto tenant_length = static_cast<std::size_t>(number_at(body, 30, 1));
    claim.tenant = TenantId(std::string(body.substr(kTokenHeadBytes, tenant_length)));
    claim.note = body.substr(kTokenHeadBytes + claim.tenant.name.size());
    if (claim.purpose != purpose || claim.file != file || claim.expires_at <= clock_.wall()) {
        return refused();
    }
    return claim;
}

}  // namespace headrace::access
