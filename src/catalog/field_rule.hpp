#pragma once

#include <bitset>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "catalog/findings.hpp"
#include "catalog/interface.hpp"
#include "catalog/rules.hpp"
#include "catalog/schema_rule.hpp"
#include "catalog/validator.hpp"
#include "catalog/values.hpp"

/// Inside of the validator, shared with the codecs that validate while they read.
namespace headrace::catalog {

inline constexpr std::size_t kMaxFields = 256;  // of one group of an interface

/// One field of an interface, compiled. Points into the interface, which must outlive it.
class FieldRule {
  public:
    /// Faults of the field itself go to `findings`.
    FieldRule(const FieldSpec& spec, const PathNode& path, Findings& findings);

    [[nodiscard]] const FieldSpec& spec() const { return *spec_; }
    [[nodiscard]] const SchemaRule* schema() const { return schema_.get(); }

    /// The whole value: null, list and its count, each item. Brings integers given for floats, and
    /// sizes of inline media, into their one form. `json_sound`: parse_json() takes the text of a
    /// Json value; a schema is still asked.
    void check(Value& value, Completeness completeness, const PathNode& path, Findings& findings,
               bool json_sound = false) const;
    void check_count(std::size_t count, Completeness completeness, const PathNode& path,
                     Findings& findings) const;
    /// One value that is neither null nor a list. `json_checked`: a Json value's text was
    /// serialized by us and has passed schema().
    void check_item(Value& value, const PathNode& path, Findings& findings,
                    bool json_checked = false) const;
    /// "type:integer" and the like.
    [[nodiscard]] std::string_view type_rule() const;

  private:
    void check_spec(const PathNode& path, Findings& findings);
    void check_text(const std::string& text, const PathNode& path, Findings& findings) const;
    void check_time(const Time& time, const PathNode& path, Findings& findings) const;
    void check_json(const Json& json, const PathNode& path, Findings& findings) const;
    void check_media(Media& media, const PathNode& path, Findings& findings) const;
    void check_tensor(const Tensor& tensor, const PathNode& path, Findings& findings) const;
    void check_allowed(const Value& value, const PathNode& path, Findings& findings) const;

    const FieldSpec* spec_;
    TextRule text_;
    std::unique_ptr<const SchemaRule> schema_;
};

/// All fields of one side.
class FieldSet {
  public:
    using Seen = std::bitset<2 * kMaxFields>;

    void add(const std::vector<FieldSpec>& specs, const PathNode& path, Findings& findings);

    /// Index of a name, or npos.
    [[nodiscard]] std::size_t find(std::string_view name) const;
    [[nodiscard]] const FieldRule& rule(std::size_t index) const { return rules_[index]; }
    [[nodiscard]] std::size_t size() const { return rules_.size(); }
    /// What is not `seen`: its default, or a violation when it is required.
    void finish(Values& values, const Seen& seen, Completeness completeness, const PathNode& path,
                Findings& findings) const;

    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  private:
    std::vector<FieldRule> rules_;   // sorted by name
    std::vector<std::size_t> owed_;  // of rules_: what has a default or must be there
};

/// Whether a content type ("image/png") is one of `accepted` ("image/*"), or, where that is empty,
/// one that a segment of `kind` may have. Parameters after ';' and case do not count.
bool accepts_content_type(Kind kind, const std::vector<std::string>& accepted,
                          std::string_view content_type);

}  // namespace headrace::catalog
