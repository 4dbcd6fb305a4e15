#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "catalog/findings.hpp"
#include "catalog/interface.hpp"
#include "catalog/rules.hpp"

namespace headrace::catalog {

enum SchemaType : std::uint8_t {
    kNullType = 1,
    kBooleanType = 2,
    kIntegerType = 4,
    kNumberType = 8,
    kStringType = 16,
    kArrayType = 32,
    kObjectType = 64,
    kAnyType = 127
};

struct SchemaNode;
using SchemaNodePtr = std::unique_ptr<const SchemaNode>;

/// One compiled schema object. See schema_rule.hpp for what it stands for.
struct SchemaNode {
    bool never = false;  // the schema `false`
    std::uint8_t types = kAnyType;
    std::string type_words;  // "integer" or "integer|null", for the rule's name
    std::optional<std::vector<json::value>> allowed;  // enum, or const as its only entry
    NumberLimits number;
    TextRule text;
    struct Property {
        std::string name;
        bool required = false;
        SchemaNodePtr node;  // null: only required, no schema of its own
    };
    std::vector<Property> properties;  // sorted by name
    std::size_t required_count = 0;
    bool closed = false;       // additionalProperties: false
    SchemaNodePtr additional;  // or a schema
    SchemaNodePtr items;
    std::vector<SchemaNodePtr> prefix;
    std::optional<std::uint64_t> min_items, max_items, min_properties, max_properties;
    bool unique = false;
    std::vector<SchemaNodePtr> any_of, one_of, all_of;

    void check(const json::value& value, const PathNode& path, Findings& findings) const;

  private:
    void check_object(const json::object& object, const PathNode& path, Findings& findings) const;
    void check_array(const json::array& array, const PathNode& path, Findings& findings) const;
    void check_branches(const json::value& value, const PathNode& path, Findings& findings) const;
};

/// Compiles one schema and what is under it; `nodes_left` and `depth_left` bound it.
SchemaNodePtr compile_schema(const json::value& schema, const PathNode& path, Findings& findings,
                             std::size_t& nodes_left, std::size_t depth_left);

}  // namespace headrace::catalog
