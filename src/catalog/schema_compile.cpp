#include "catalog/schema_node.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace headrace::catalog {
namespace {

constexpr std::pair<std::string_view, std::uint8_t> kTypes[] = {
    {"null", kNullType},     {"boolean", kBooleanType}, {"integer", kIntegerType},
    {"number", kNumberType}, {"string", kStringType},   {"array", kArrayType},
    {"object", kObjectType}};

constexpr std::string_view kNotes[] = {"title",      "description", "default", "examples",
                                       "deprecated", "format",      "$comment"};

/// Compiles one schema object, keyword by keyword.
class Compiler {
  public:
    Compiler(SchemaNode& node, const PathNode& path, Findings& findings, std::size_t& nodes_left,
             std::size_t depth_left)
        : node_(node),
          path_(path),
          findings_(findings),
          nodes_left_(nodes_left),
          depth_left_(depth_left) {}

    void run(const json::object& schema) {
        for (const auto& member : schema) keyword(member.key(), member.value());
        check_limits(node_.number, path_, findings_);
        node_.text.compile(text_, path_, findings_);
        std::sort(node_.properties.begin(), node_.properties.end(),
                  [](const auto& a, const auto& b) { return a.name < b.name; });
        for (const auto& property : node_.properties) node_.required_count += property.required;
    }

  private:
    void keyword(std::string_view key, const json::value& value) {
        if (number_keyword(key, value) || count_keyword(key, value)) return;
        const PathNode here = path_.at(key);
        if (key == "type") {
            types(value, here);
        } else if (key == "enum") {
            if (!value.is_array() || value.get_array().empty() || value.get_array().size() > 1000) {
                return findings_.add(here, "type:list", "1..1000");
            }
            node_.allowed.emplace(value.get_array().begin(), value.get_array().end());
        } else if (key == "const") {
            node_.allowed.emplace(1, value);
        } else if (key == "properties") {
            properties(value, here);
        } else if (key == "required") {
            required(value, here);
        } else if (key == "additionalProperties") {
            if (value.is_bool())
                node_.closed = !value.get_bool();
            else
                node_.additional = child(value, here);
        } else if (key == "items") {
            node_.items = child(value, here);
        } else if (key == "prefixItems") {
            list(value, here, node_.prefix);
        } else if (key == "uniqueItems") {
            if (!value.is_bool()) return findings_.add(here, "type:boolean");
            node_.unique = value.get_bool();
        } else if (key == "pattern") {
            if (!value.is_string()) return findings_.add(here, "type:string");
            text_.pattern = std::string(value.get_string());
        } else if (key == "anyOf") {
            list(value, here, node_.any_of);
        } else if (key == "oneOf") {
            list(value, here, node_.one_of);
        } else if (key == "allOf") {
            list(value, here, node_.all_of);
        } else if (std::find(std::begin(kNotes), std::end(kNotes), key) == std::end(kNotes)) {
            findings_.add(here, "unsupported_keyword");
        }
    }

    bool number_keyword(std::string_view key, const json::value& value) {
        std::optional<Number>* to = key == "minimum"            ? &node_.number.min
                                    : key == "maximum"          ? &node_.number.max
                                    : key == "exclusiveMinimum" ? &node_.number.exclusive_min
                                    : key == "exclusiveMaximum" ? &node_.number.exclusive_max
                                    : key == "multipleOf"       ? &node_.number.multiple_of
                                                                : nullptr;
        if (!to) return false;
        *to = number_from(value);
        if (!*to) findings_.add(path_.at(key), "type:number");
        return true;
    }

    bool count_keyword(std::string_view key, const json::value& value) {
        std::optional<std::uint64_t>* to = key == "minItems"        ? &node_.min_items
                                           : key == "maxItems"      ? &node_.max_items
                                           : key == "minProperties" ? &node_.min_properties
                                           : key == "maxProperties" ? &node_.max_properties
                                           : key == "minLength"     ? &text_.min_length
                                           : key == "maxLength"     ? &text_.max_length
                                                                    : nullptr;
        if (!to) return false;
        if (value.is_int64() && value.get_int64() >= 0) {
            *to = static_cast<std::uint64_t>(value.get_int64());
        } else {
            findings_.add(path_.at(key), "type:integer", "0");
        }
        return true;
    }

    void types(const json::value& value, const PathNode& here) {
        node_.types = 0;
        const auto one = [&](const json::value& word) {
            for (const auto& [name, bit] : kTypes) {
                if (!word.is_string() || word.get_string() != name) continue;
                node_.types = static_cast<std::uint8_t>(node_.types | bit);
                if (!node_.type_words.empty()) node_.type_words += '|';
                node_.type_words += name;
                return;
            }
            findings_.add(here, "values", "null, boolean, integer, number, string, array, object");
        };
        if (value.is_array()) {
            for (const auto& word : value.get_array()) one(word);
        } else {
            one(value);
        }
    }

    SchemaNode::Property& property(std::string_view name) {
        for (auto& known : node_.properties) {
            if (known.name == name) return known;
        }
        return node_.properties.emplace_back(
            SchemaNode::Property{std::string(name), false, nullptr});
    }

    void properties(const json::value& value, const PathNode& here) {
        if (!value.is_object()) return findings_.add(here, "type:object");
        for (const auto& member : value.get_object()) {
            auto node = child(member.value(), here.at(std::string_view(member.key())));
            property(member.key()).node = std::move(node);
        }
    }

    void required(const json::value& value, const PathNode& here) {
        if (!value.is_array()) return findings_.add(here, "type:list");
        for (const auto& name : value.get_array()) {
            if (!name.is_string()) return findings_.add(here, "type:string");
            property(std::string_view(name.get_string())).required = true;
        }
    }

    void list(const json::value& value, const PathNode& here, std::vector<SchemaNodePtr>& to) {
        if (!value.is_array() || value.get_array().empty()) return findings_.add(here, "type:list");
        std::size_t index = 0;
        for (const auto& item : value.get_array()) to.push_back(child(item, here.at(index++)));
    }

    SchemaNodePtr child(const json::value& value, const PathNode& here) {
        return compile_schema(value, here, findings_, nodes_left_, depth_left_);
    }

    SchemaNode& node_;
    const PathNode& path_;
    Findings& findings_;
    std::size_t& nodes_left_;
    std::size_t depth_left_;
    TextLimits text_;
};

}  // namespace

SchemaNodePtr compile_schema(const json::value& schema, const PathNode& path, Findings& findings,
                             std::size_t& nodes_left, std::size_t depth_left) {
    auto node = std::make_unique<SchemaNode>();
    if (nodes_left == 0 || depth_left == 0) {
        if (!findings.full()) findings.add(path, nodes_left == 0 ? "max_nodes" : "max_depth");
        return node;
    }
    --nodes_left;
    if (schema.is_bool()) {
        node->never = !schema.get_bool();
    } else if (schema.is_object()) {
        Compiler(*node, path, findings, nodes_left, depth_left - 1).run(schema.get_object());
    } else {
        findings.add(path, "type:object");
    }
    return node;
}

}  // namespace headrace::catalog
