#include "catalog/semver.hpp"

#include <algorithm>
#include <charconv>

namespace headrace::catalog {
namespace {

constexpr std::size_t kMaxText = 128;

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_identifier(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-';
    });
}

bool has_leading_zero(std::string_view digits) {
    return digits.size() > 1 && digits[0] == '0';
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

/// Identifiers of digits compare as numbers, below all others, which compare as ASCII.
std::weak_ordering compare_identifiers(std::string_view a, std::string_view b) {
    const bool a_number = is_digits(a);
    const bool b_number = is_digits(b);
    if (a_number != b_number) {
        return a_number ? std::weak_ordering::less : std::weak_ordering::greater;
    }
    // Without leading zeros the longer number is the larger one.
    if (a_number && a.size() != b.size()) return a.size() <=> b.size();
    return a.compare(b) <=> 0;
}

}  // namespace

std::optional<SemVer> SemVer::parse(std::string_view text) {
    if (text.size() > kMaxText) return std::nullopt;
    SemVer version;
    version.text_ = text;
    if (const auto plus = text.find('+'); plus != std::string_view::npos) {
        for (const auto part : split(text.substr(plus + 1), '.')) {
            if (!is_identifier(part)) return std::nullopt;
        }
        text = text.substr(0, plus);
    }
    if (const auto dash = text.find('-'); dash != std::string_view::npos) {
        for (const auto part : split(text.substr(dash + 1), '.')) {
            if (!is_identifier(part) || (is_digits(part) && has_leading_zero(part)))
                return std::nullopt;
            version.prerelease_.emplace_back(part);
        }
        text = text.substr(0, dash);
    }
    const auto numbers = split(text, '.');
    if (numbers.size() != 3) return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i) {
        const auto part = numbers[i];
        if (!is_digits(part) || has_leading_zero(part)) return std::nullopt;
        const auto end = part.data() + part.size();
        if (std::from_chars(part.data(), end, version.numbers_[i]).ec != std::errc()) {
            return std::nullopt;
        }
    }
    return version;
}

std::weak_ordering SemVer::operator<=>(const SemVer& other) const {
    for (std::size_t i = 0; i < 3; ++i) {
        if (numbers_[i] != other.numbers_[i]) return numbers_[i] <=> other.numbers_[i];
    }
    if (prerelease_.empty() || other.prerelease_.empty()) {
        // A release is above each of its pre-releases.
        return other.prerelease_.size() <=> prerelease_.size();
    }
    const auto common = std::min(prerelease_.size(), other.prerelease_.size());
    for (std::size_t i = 0; i < common; ++i) {
        const auto order = compare_identifiers(prerelease_[i], other.prerelease_[i]);
        if (order != 0) return order;
    }
    return prerelease_.size() <=> other.prerelease_.size();
}

}  // namespace headrace::catalog
