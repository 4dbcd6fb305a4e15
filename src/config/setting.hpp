#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace headrace::config {

enum class Type : std::uint8_t {
    boolean,  // true, false
    integer,
    seconds,  // a number, fractions allowed
    bytes,    // a number, or text with KiB, MiB, GiB
    text,
    word,  // one of `words`
    path,
    list,    // texts; one comma-separated text in an environment variable or a flag
    secret,  // text that is never shown; the environment may name a file that holds it
};

/// One setting: what it is called, what it may be, and what it is for.
struct Setting {
    std::string_view section{};
    std::string_view key{};
    Type type = Type::text;
    std::string_view initial{};  // the default, written as in an environment variable
    std::string_view doc{};
    bool restart = true;       // a change takes effect at the next start only
    double min = 0;            // bounds of integer, seconds and bytes
    double max = 0;            // 0 with min 0 = no bounds
    std::string_view words{};  // "a|b|c"

    [[nodiscard]] std::string name() const;      // "section.key"
    [[nodiscard]] std::string variable() const;  // "HEADRACE_SECTION_KEY"
};

/// boolean -> bool, integer and bytes -> int64, seconds -> double, list -> vector, the rest ->
/// string.
using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

/// Reads a value written as text. The error's message is a sentence without the setting's name, and
/// never holds the value of a secret.
Result<Value> parse_value(const Setting& setting, std::string_view text);

/// Holds a value against the setting's bounds and words.
Result<void> check_value(const Setting& setting, const Value& value);

/// As text that parse_value reads again; "(set)" or "" for a secret.
std::string show_value(const Setting& setting, const Value& value);

/// "integer 1 to 64", "debug, info, warn or error": for documents and messages.
std::string describe_type(const Setting& setting);

/// Every setting of `headrace serve`, ordered by section. Sections stand together.
std::span<const Setting> declared();

/// What a section is about, for the document.
std::string_view section_doc(std::string_view section);

}  // namespace headrace::config
