#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace headrace {

/// Raw 32 bytes.
using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view data);
Sha256 hmac_sha256(std::string_view key, std::string_view data);

/// SHA-256 over parts that arrive one after the other.
class Sha256Stream {
  public:
    Sha256Stream();
    ~Sha256Stream();
    Sha256Stream(Sha256Stream&&) noexcept;
    Sha256Stream& operator=(Sha256Stream&&) noexcept;
    void update(std::string_view data);
    /// Ends the stream; call once.
    Sha256 finish();

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string to_hex(std::string_view bytes);
std::string to_hex(const Sha256& digest);
std::optional<std::string> from_hex(std::string_view hex);

std::string to_base64(std::string_view bytes);
/// Standard alphabet with padding; nullopt on any other character or length.
std::optional<std::string> from_base64(std::string_view text);
/// URL alphabet without padding.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

/// Bytes of the operating system's randomness.
std::string random_bytes(std::size_t count);

/// Compares in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace headrace
