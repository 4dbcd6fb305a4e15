#pragma once

#include <optional>
#include <string>
#include <string_view>

/// A key as its owner holds it: `hr_<id>_<secret>`, 12 characters and 32 random bytes as base64url.
namespace headrace::access {

struct KeyText {
    std::string_view id;
    std::string_view secret;
};
/// nullopt when it is none. Views into `key`.
std::optional<KeyText> parse_key(std::string_view key);

std::string new_key_id();
std::string new_key_secret();
std::string key_text(std::string_view id, std::string_view secret);

/// The key text of an `Authorization: Bearer …` header; nullopt for another scheme.
std::optional<std::string_view> bearer_of(std::string_view authorization);

}  // namespace headrace::access
