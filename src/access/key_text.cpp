#include "access/key_text.hpp"

#include "base/digest.hpp"

namespace headrace::access {
namespace {

constexpr std::size_t kIdLength = 12;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretLength = 43;  // base64url of 32 bytes
constexpr std::string_view kPrefix = "hr_";
// No 0, 1, l, o: an id is read aloud and typed.
constexpr std::string_view kIdAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(kIdAlphabet.size() == 32);

}  // namespace

// The secret may hold '_' itself: only the first two separate.
std::optional<KeyText> parse_key(std::string_view key) {
    constexpr auto kEndOfId = kPrefix.size() + kIdLength;
    if (key.size() != kEndOfId + 1 + kSecretLength) return std::nullopt;
    if (!key.starts_with(kPrefix) || key[kEndOfId] != '_') return std::nullopt;
    return KeyText{key.substr(kPrefix.size(), kIdLength), key.substr(kEndOfId + 1)};
}

std::string new_key_id() {
    std::string id;
    for (const char byte : random_bytes(kIdLength)) {
        id += kIdAlphabet[static_cast<unsigned char>(byte) % kIdAlphabet.size()];
    }
    return id;
}

std::string new_key_secret() {
    return to_base64url(random_bytes(kSecretBytes));
}

std::string key_text(std::string_view id, std::string_view secret) {
    std::string text(kPrefix);
    text += id;
    text += '_';
    text += secret;
    return text;
}

std::optional<std::string_view> bearer_of(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (authorization.size() < kScheme.size()) return std::nullopt;
    for (std::size_t i = 0; i < kScheme.size(); ++i) {
        const char c = authorization[i];
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        if (lower != kScheme[i]) return std::nullopt;
    }
    authorization.remove_prefix(kScheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    while (authorization.ends_with(' ')) authorization.remove_suffix(1);
    return authorization;
}

}  // namespace headrace::access
