#include "base/digest.hpp"

#include <new>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace headrace {
namespace {

constexpr char kStandard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kUrl[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const unsigned char* as_bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

/// OpenSSL fails at a digest for want of memory only. What it then leaves is no digest, and must
/// never be taken for one.
void require(bool done) {
    if (done) return;
    if (const auto handler = std::get_new_handler()) handler();
    throw std::bad_alloc();
}

std::string encode(std::string_view bytes, const char* alphabet, bool pad) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    const unsigned char* p = as_bytes(bytes);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = bytes.size() - i;
        const std::uint32_t word = static_cast<std::uint32_t>(p[i] << 16) |
                                   static_cast<std::uint32_t>(left > 1 ? p[i + 1] << 8 : 0) |
                                   static_cast<std::uint32_t>(left > 2 ? p[i + 2] : 0);
        out += alphabet[word >> 18];
        out += alphabet[word >> 12 & 63];
        if (left > 1)
            out += alphabet[word >> 6 & 63];
        else if (pad)
            out += '=';
        if (left > 2)
            out += alphabet[word & 63];
        else if (pad)
            out += '=';
    }
    return out;
}

std::array<std::int8_t, 256> reverse_table(const char* alphabet) {
    std::array<std::int8_t, 256> table;
    table.fill(-1);
    for (int i = 0; i < 64; ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}

std::optional<std::string> decode(std::string_view text,
                                  const std::array<std::int8_t, 256>& table) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t word = 0;
    int bits = 0;
    for (const char c : text) {
        const int value = table[static_cast<unsigned char>(c)];
        if (value < 0) return std::nullopt;
        word = word << 6 | static_cast<std::uint32_t>(value);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(word >> bits & 0xFF);
        }
    }
    return out;
}

}  // namespace

// Fetching the algorithm and allocating a context cost more than a short digest does in OpenSSL 3:
// once per process and once per thread.
Sha256 sha256(std::string_view data) {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
    Sha256 out;
    require(context && algorithm != nullptr &&
            EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
            EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1 &&
            EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
    return out;
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) {
    Sha256 out;
    unsigned length = 0;
    require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), as_bytes(data),
                 data.size(), out.data(), &length) != nullptr);
    return out;
}

void Sha256Stream::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::string_view data) {
    require(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
}

Sha256 Sha256Stream::finish() {
    Sha256 out;
    require(EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1);
    return out;
}

std::string to_hex(std::string_view bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
    return out;
}

std::string to_hex(const Sha256& digest) {
    return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::optional<std::string> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string out;
    out.reserve(hex.size() / 2);
    const auto value = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const int high = value(hex[i]);
        const int low = value(hex[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high << 4 | low);
    }
    return out;
}

std::string to_base64(std::string_view bytes) {
    return encode(bytes, kStandard, true);
}

std::optional<std::string> from_base64(std::string_view text) {
    static const auto table = reverse_table(kStandard);
    if (text.size() % 4 != 0) return std::nullopt;
    if (text.ends_with("=="))
        text.remove_suffix(2);
    else if (text.ends_with("="))
        text.remove_suffix(1);
    return decode(text, table);
}

std::string to_base64url(std::string_view bytes) {
    return encode(bytes, kUrl, false);
}

std::optional<std::string> from_base64url(std::string_view text) {
    static const auto table = reverse_table(kUrl);
    return decode(text, table);
}

std::string random_bytes(std::size_t count) {
    std::string out(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
        throw std::runtime_error("the operating system gave no randomness");
    }
    return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace headrace
