#pragma once

#include <memory>
#include <vector>

#include "base/json.hpp"
#include "catalog/findings.hpp"

namespace headrace::catalog {

/// A bounded JSON Schema, compiled: what a json parameter or output may be. Understood: true,
/// false, type, enum, const, properties, required, additionalProperties, minProperties,
/// maxProperties, items, prefixItems, minItems, maxItems, uniqueItems, minimum, maximum,
/// exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern, anyOf, oneOf,
/// allOf; title, description, default, examples, deprecated, format and $comment are notes.
/// Anything else ($ref, not, if …) is refused, so that no document promises a check that is not
/// made. At most 16 deep and 2 000 nodes.
class SchemaRule {
  public:
    /// Faults of the schema go to `findings`; the rule is then not to be used.
    SchemaRule(const json::value& schema, const PathNode& path, Findings& findings);
    ~SchemaRule();
    SchemaRule(const SchemaRule&) = delete;
    SchemaRule& operator=(const SchemaRule&) = delete;

    void check(const json::value& value, const PathNode& path, Findings& findings) const;

  private:
    std::unique_ptr<const struct SchemaNode> root_;
};

}  // namespace headrace::catalog
