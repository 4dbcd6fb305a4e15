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

/// Told of what a walk over JSON text passes. The outermost value is at depth 0, and so the keys of
/// an outermost object are at depth 1. What it has heard counts only if the text turns out sound.
class JsonWatcher {
  public:
    virtual ~JsonWatcher() = default;
    /// A key as it is written, without its quotes, and the text from its value on.
    virtual void key(std::size_t depth, std::string_view raw, std::string_view rest) = 0;
    /// An object begins, whose keys are at `depth`.
    virtual void object(std::size_t /*depth*/) {}
    /// A number with a power of ten, or a long one: it may be out of range.
    virtual void odd_number() {}
};

/// The members of one JSON object in their order, without a tree: values are checked and skipped.
/// As strict as parse_json(), but that the keys of nested objects may repeat and numbers are held
/// against the grammar alone: whoever uses a value parses it. Linear in the text.
class JsonMembers {
  public:
    /// invalid_argument: no JSON, not an object, nested too deep, a key twice, more than 10 000
    /// members. `text` must outlive the result.
    static Result<JsonMembers> scan(std::string_view text, const JsonLimits& limits = {});
    /// The same where parse_json_object() is sure to take the text too; nullopt where it does not,
    /// or where only it can tell.
    static std::optional<JsonMembers> scan_plain(std::string_view text);
    /// The same for text that is known to be sound: values are stepped over and not checked again.
    /// nullopt for what is no object, or holds a key twice.
    static std::optional<JsonMembers> scan_sound(std::string_view text);

    [[nodiscard]] const std::vector<JsonMember>& all() const { return members_; }
    /// Null where absent.
    [[nodiscard]] const JsonMember* find(std::string_view key) const;
    [[nodiscard]] std::string_view text() const { return text_; }
    /// Where a member may be put in: right after the opening brace.
    [[nodiscard]] std::size_t inside() const { return inside_; }

  private:
    static Result<JsonMembers> scan(std::string_view text, const JsonLimits& limits,
                                    JsonWatcher* watcher, bool sound);

    std::string_view text_;
    std::vector<JsonMember> members_;
    std::size_t inside_ = 0;
};

/// Whether the text is one JSON value, under the same rules; keeps nothing, so it is the cheapest.
bool is_json(std::string_view text, const JsonLimits& limits = {});
bool is_json(std::string_view text, JsonWatcher& watcher);
/// Whether parse_json() is sure to take the text; false where it does not, or where only it can
/// tell: keys with escapes, objects of many keys, numbers with a power of ten or many digits.
bool is_plain_json(std::string_view text);

/// The size of the JSON string, with its quotes, that the text begins with; 0 where there is none.
/// Whether it is UTF-8 is not looked at.
std::size_t json_string_size(std::string_view text);

/// The elements of one JSON array, in place; limits and strictness as above.
Result<std::vector<std::string_view>> scan_json_array(std::string_view text,
                                                      const JsonLimits& limits = {});

/// The text of a JSON string, given with its quotes, as scan() found it; nullopt for anything else.
std::optional<std::string> json_text(std::string_view value);
/// An unsigned whole number below 2^63; nullopt for anything else.
std::optional<std::uint64_t> json_count(std::string_view value);

}  // namespace headrace
