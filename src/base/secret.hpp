#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

namespace headrace {

/// A value that must not reach a log: it has no printer, and its memory is wiped.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    ~Secret() { OPENSSL_cleanse(value_.data(), value_.size()); }
    Secret(const Secret&) = default;
    Secret& operator=(const Secret&) = default;
    Secret(Secret&&) noexcept = default;
    Secret& operator=(Secret&&) noexcept = default;

    /// The value itself: for the one call that must use it, never for a message.
    [[nodiscard]] std::string_view reveal() const { return value_; }
    [[nodiscard]] bool empty() const { return value_.empty(); }

  private:
    std::string value_;
};

}  // namespace headrace
