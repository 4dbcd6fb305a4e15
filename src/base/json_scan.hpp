#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace headrace {

enum class JsonKind : unsigned char { object, array, string, number, boolean, null };

/// One member of an object, in place. Views lie in the text that was scanned.
struct JsonMember {
    std::string key;         // decoded, so that "mod\u0065l" is "model"
    std::string_view value;  // the value's text, without blanks around it
    JsonKind kind = JsonKind::null;
    std::size_t begin = 0;  // of the member in the text: the first quote of its key
    std::size_t end = 0;    // one past its value
};

/// The members of one JSON object in their order, without a tree: values are checked and skipped.
/// As strict as parse_json(), but that the keys of nested objects may repeat and numbers are held
/// against the grammar alone: whoever uses a value parses it. Linear in the text.
class JsonMembers {
  public:
    /// invalid_argument: no JSON, not an object, nested too deep, a key twice, more than 10 000
    /// members. `text` must outlive the result.
    static Result<JsonMembers> scan(std::string_view text, const JsonLimits& limits = {});

    [[nodiscard]] const std::vector<JsonMember>& all() const { return members_; }
    /// Null where absent.
    [[nodiscard]] const JsonMember* find(std::string_view key) const;
    [[nodiscard]] std::string_view text() const { return text_; }
    /// Where a member may be put in: right after the opening brace.
    [[nodiscard]] std::size_t inside() const { return inside_; }

  private:
    std::string_view text_;
    std::vector<JsonMember> members_;
    std::size_t inside_ = 0;
};

/// Whether the text is one JSON value, under the same rules; keeps nothing, so it is the cheapest.
bool is_json(std::string_view text, const JsonLimits& limits = {});

/// The elements of one JSON array, in place; limits and strictness as above.
Result<std::vector<std::string_view>> scan_json_array(std::string_view text,
                                                      const JsonLimits& limits = {});

/// The text of a JSON string, given with its quotes, as scan() found it; nullopt for anything else.
std::optional<std::string> json_text(std::string_view value);
/// An unsigned whole number below 2^63; nullopt for anything else.
std::optional<std::uint64_t> json_count(std::string_view value);

}  // namespace headrace
