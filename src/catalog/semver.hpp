#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::catalog {

/// A SemVer 2.0.0 version. Order is the standard's precedence; build metadata does not count in it,
/// and so 1.0.0+a and 1.0.0+b are equivalent, not equal in text.
class SemVer {
  public:
    SemVer() = default;
    /// Strict: three numbers without leading zeros that fit 64 bits, at most 128 characters.
    static std::optional<SemVer> parse(std::string_view text);

    [[nodiscard]] bool is_prerelease() const { return !prerelease_.empty(); }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::uint64_t major() const { return numbers_[0]; }
    [[nodiscard]] std::uint64_t minor() const { return numbers_[1]; }
    [[nodiscard]] std::uint64_t patch() const { return numbers_[2]; }

    std::weak_ordering operator<=>(const SemVer& other) const;
    bool operator==(const SemVer& other) const { return (*this <=> other) == 0; }

  private:
    std::uint64_t numbers_[3] = {};
    std::vector<std::string> prerelease_;
    std::string text_ = "0.0.0";
};

}  // namespace headrace::catalog
