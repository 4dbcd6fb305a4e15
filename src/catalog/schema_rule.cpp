#include "catalog/schema_rule.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "catalog/schema_node.hpp"

namespace headrace::catalog {
namespace {

constexpr std::size_t kMaxNodes = 2'000;
constexpr std::size_t kMaxDepth = 16;

std::uint8_t type_of(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            return kNullType;
        case json::kind::bool_:
            return kBooleanType;
        case json::kind::int64:
        case json::kind::uint64:
            return kIntegerType | kNumberType;
        case json::kind::double_: {
            const double number = value.get_double();
            // JSON Schema: 1.0 is an integer.
            return number == std::trunc(number) ? kIntegerType | kNumberType : kNumberType;
        }
        case json::kind::string:
            return kStringType;
        case json::kind::array:
            return kArrayType;
        case json::kind::object:
            return kObjectType;
    }
    return 0;
}

bool equal(const json::value& a, const json::value& b) {
    if (a.is_number() && b.is_number()) return compare(*number_from(a), *number_from(b)) == 0;
    return a == b;
}

bool accepts(const SchemaNode& node, const json::value& value, const PathNode& path) {
    Findings probe(0);
    node.check(value, path, probe);
    return !probe.any();
}

bool has_twins(const json::array& array) {
    std::unordered_set<std::string> seen;
    for (const auto& item : array) {
        if (!seen.insert(canonical_json(item)).second) return true;
    }
    return false;
}

}  // namespace

SchemaRule::SchemaRule(const json::value& schema, const PathNode& path, Findings& findings) {
    std::size_t nodes = kMaxNodes;
    root_ = compile_schema(schema, path, findings, nodes, kMaxDepth);
}

SchemaRule::~SchemaRule() = default;

void SchemaRule::check(const json::value& value, const PathNode& path, Findings& findings) const {
    root_->check(value, path, findings);
}

void SchemaNode::check(const json::value& value, const PathNode& path, Findings& findings) const {
    if (findings.full()) return;
    if (never) return findings.add(path, "not_allowed");
    if ((type_of(value) & types) == 0) return findings.add(path, "type:" + type_words);
    if (allowed && std::none_of(allowed->begin(), allowed->end(),
                                [&](const auto& entry) { return equal(entry, value); })) {
        findings.add(path, "values",
                     json::serialize(json::array(allowed->begin(), allowed->end())).substr(0, 200));
    }
    if (const auto* object = value.if_object()) {
        check_object(*object, path, findings);
    } else if (const auto* array = value.if_array()) {
        check_array(*array, path, findings);
    } else if (const auto* string = value.if_string()) {
        text.check(*string, path, findings);
    } else if (value.is_number()) {
        check_number(*number_from(value), number, path, findings);
    }
    check_branches(value, path, findings);
}

void SchemaNode::check_object(const json::object& object, const PathNode& path,
                              Findings& findings) const {
    if (min_properties && object.size() < *min_properties) {
        findings.add(path, "min_properties", std::to_string(*min_properties));
    }
    if (max_properties && object.size() > *max_properties) {
        findings.add(path, "max_properties", std::to_string(*max_properties));
    }
    std::size_t required_seen = 0;
    for (const auto& member : object) {
        if (findings.full()) return;
        const std::string_view key = member.key();
        const auto known = std::lower_bound(properties.begin(), properties.end(), key,
                                            [](const auto& p, auto name) { return p.name < name; });
        const bool is_known = known != properties.end() && known->name == key;
        if (is_known) required_seen += known->required;
        if (is_known && known->node) {
            known->node->check(member.value(), path.at(key), findings);
        } else if (closed) {
            findings.add(path.at(key), "unknown_field");
        } else if (additional) {
            additional->check(member.value(), path.at(key), findings);
        }
    }
    if (required_seen == required_count) return;
    for (const auto& property : properties) {
        if (property.required && !object.contains(property.name)) {
            findings.add(path.at(property.name), "required");
        }
    }
}

void SchemaNode::check_array(const json::array& array, const PathNode& path,
                             Findings& findings) const {
    if (min_items && array.size() < *min_items) {
        findings.add(path, "min_items", std::to_string(*min_items));
    }
    if (max_items && array.size() > *max_items) {
        findings.add(path, "max_items", std::to_string(*max_items));
    }
    if (unique && has_twins(array)) findings.add(path, "unique_items");
    for (std::size_t i = 0; i < array.size() && !findings.full(); ++i) {
        const SchemaNode* node = i < prefix.size() ? prefix[i].get() : items.get();
        if (node) node->check(array[i], path.at(i), findings);
    }
}

void SchemaNode::check_branches(const json::value& value, const PathNode& path,
                                Findings& findings) const {
    for (const auto& branch : all_of) branch->check(value, path, findings);
    if (!any_of.empty() && std::none_of(any_of.begin(), any_of.end(), [&](const auto& branch) {
            return accepts(*branch, value, path);
        })) {
        findings.add(path, "any_of");
    }
    if (!one_of.empty() && std::count_if(one_of.begin(), one_of.end(), [&](const auto& branch) {
                               return accepts(*branch, value, path);
                           }) != 1) {
        findings.add(path, "one_of");
    }
}

}  // namespace headrace::catalog
