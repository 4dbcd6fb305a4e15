#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "catalog/findings.hpp"
#include "catalog/interface.hpp"

namespace re2 {
class RE2;
}

/// The limits that fields of an interface and nodes of a bounded JSON Schema share.
namespace headrace::catalog {

/// -1, 0, 1; exact between 64-bit integers and doubles.
int compare(const Number& a, const Number& b);
std::string to_text(const Number& number);
/// A JSON number as Number; unsigned ones above int64 become doubles. Null for anything else.
std::optional<Number> number_from(const json::value& value);
json::value to_json(const Number& number);
bool is_multiple(const Number& value, const Number& step);

void check_number(const Number& value, const NumberLimits& limits, const PathNode& path,
                  Findings& findings);
/// Whether the limits contradict each other; adds "min_above_max" or "multiple_of".
void check_limits(const NumberLimits& limits, const PathNode& path, Findings& findings);

/// TextLimits with their pattern compiled. RE2: linear time whatever the text is.
class TextRule {
  public:
    TextRule();
    ~TextRule();
    TextRule(TextRule&&) noexcept;
    TextRule& operator=(TextRule&&) noexcept;

    /// Adds what is wrong with the limits themselves to `findings`.
    void compile(const TextLimits& limits, const PathNode& path, Findings& findings);
    void check(std::string_view text, const PathNode& path, Findings& findings) const;

  private:
    TextLimits limits_;
    std::unique_ptr<re2::RE2> pattern_;
};

/// Code points of a valid UTF-8 text.
std::uint64_t code_points(std::string_view text);

}  // namespace headrace::catalog
