#include "catalog/json_schema.hpp"

#include <utility>

#include "catalog/json_codec.hpp"
#include "catalog/rules.hpp"

namespace headrace::catalog {
namespace {

json::value value_json(const Value& value) {
    std::string text;
    write_json(text, value);
    auto parsed = parse_json(text);
    return parsed ? std::move(*parsed) : json::value();
}

void put_bound(json::object& to, std::string_view key, const std::optional<Number>& bound) {
    if (bound) to[key] = to_json(*bound);
}

void put_numbers(json::object& to, const NumberLimits& limits) {
    put_bound(to, "minimum", limits.min);
    put_bound(to, "maximum", limits.max);
    put_bound(to, "exclusiveMinimum", limits.exclusive_min);
    put_bound(to, "exclusiveMaximum", limits.exclusive_max);
    put_bound(to, "multipleOf", limits.multiple_of);
}

void put_text(json::object& to, const TextLimits& limits) {
    to["type"] = "string";
    if (limits.min_length) to["minLength"] = *limits.min_length;
    if (limits.max_length) to["maxLength"] = *limits.max_length;
    if (limits.pattern) to["pattern"] = *limits.pattern;
}

json::object string_member(std::string_view key) {
    json::object member;
    member["type"] = "object";
    member["properties"] = json::object{{key, json::object{{"type", "string"}}}};
    member["required"] = json::array{json::value(key)};
    member["additionalProperties"] = false;
    return member;
}

/// What decides about a medium beyond its JSON form, for people and for form builders.
void put_media_notes(json::object& to, const FieldSpec& field) {
    const auto& media = field.media;
    to["x-kind"] = to_string(field.kind);
    if (!media.content_types.empty()) {
        to["x-content-types"] = json::array(media.content_types.begin(), media.content_types.end());
    }
    if (!media.sample_rates.empty()) {
        to["x-sample-rates"] = json::array(media.sample_rates.begin(), media.sample_rates.end());
    }
    if (!media.channels.empty()) {
        to["x-channels"] = json::array(media.channels.begin(), media.channels.end());
    }
    if (media.max_bytes) to["x-max-bytes"] = *media.max_bytes;
    if (media.max_pixels) to["x-max-pixels"] = *media.max_pixels;
    if (media.max_seconds) to["x-max-seconds"] = *media.max_seconds;
}

json::object media_in(const FieldSpec& field) {
    json::object data_url;
    data_url["type"] = "string";
    data_url["pattern"] = "^data:[^,]*;base64,";
    auto url = string_member("url");
    url["properties"].at("url").as_object()["format"] = "uri";
    json::object to;
    to["oneOf"] = json::array{std::move(data_url), string_member("file_id"), std::move(url)};
    put_media_notes(to, field);
    return to;
}

json::object media_out(const FieldSpec& field) {
    const json::object text{{"type", "string"}};
    json::object properties;
    properties["file_id"] = text;
    properties["url"] = json::object{{"type", "string"}, {"format", "uri"}};
    properties["content_type"] = text;
    properties["size"] = json::object{{"type", "integer"}};
    properties["sha256"] = text;
    json::object to;
    to["type"] = "object";
    to["properties"] = std::move(properties);
    put_media_notes(to, field);
    return to;
}

std::string_view element_type(DType dtype) {
    if (dtype == DType::bytes) return "string";
    if (dtype == DType::boolean) return "boolean";
    return dtype >= DType::fp16 ? "number" : "integer";
}

json::object tensor(const TensorLimits& limits) {
    json::array lengths;
    bool is_fixed = true;
    for (const auto length : limits.shape) {
        is_fixed = is_fixed && length >= 0;
        json::object entry{{"type", "integer"}, {"minimum", 0}};
        if (length >= 0) entry = json::object{{"const", length}};
        lengths.push_back(std::move(entry));
    }
    json::object shape{{"type", "array"}};
    if (!lengths.empty()) shape["prefixItems"] = std::move(lengths);
    shape["minItems"] = limits.shape.size();
    shape["maxItems"] = limits.shape.size();
    json::object data{{"type", "array"},
                      {"description", "row-major, nested as the shape says or flat"}};
    data["x-element-type"] = element_type(limits.dtype);
    json::object properties;
    properties["shape"] = std::move(shape);
    properties["dtype"] = json::object{{"const", to_string(limits.dtype)}};
    properties["data"] = std::move(data);
    json::object to{{"type", "object"}};
    to["properties"] = std::move(properties);
    to["required"] = json::array{"shape", "data"};
    to["additionalProperties"] = false;
    to["x-kind"] = "tensor";
    return to;
}

json::object item_schema(const FieldSpec& field, Side side) {
    json::object to;
    switch (field.kind) {
        case Kind::text:
        case Kind::string:
            put_text(to, field.text);
            break;
        case Kind::enumeration:
            to["type"] = "string";
            break;
        case Kind::integer:
            to["type"] = "integer";
            put_numbers(to, field.number);
            break;
        case Kind::floating:
            to["type"] = "number";
            put_numbers(to, field.number);
            break;
        case Kind::boolean:
            to["type"] = "boolean";
            break;
        case Kind::time:
            to["type"] = "string";
            to["format"] = "date-time";
            break;
        case Kind::json:
            if (field.schema && field.schema->is_object()) to = field.schema->get_object();
            break;
        case Kind::tensor:
            return tensor(field.tensor);
        default:
            return side == Side::output || side == Side::progress_output ? media_out(field)
                                                                         : media_in(field);
    }
    if (!field.allowed.empty()) to["enum"] = value_json(Value(field.allowed));
    return to;
}

void put_fields(const std::vector<FieldSpec>& fields, Side side, json::object& properties,
                json::array& required) {
    for (const auto& field : fields) {
        properties[field.name] = json_schema(field, side);
        if (field.required && !field.fallback) required.emplace_back(field.name);
    }
}

}  // namespace

json::object json_schema(const FieldSpec& field, Side side) {
    json::object to = item_schema(field, side);
    if (field.list) {
        json::object list{{"type", "array"}};
        list["items"] = std::move(to);
        if (field.min_items > 0) list["minItems"] = field.min_items;
        if (field.max_items != kUnbounded) list["maxItems"] = field.max_items;
        to = std::move(list);
    }
    if (field.nullable)
        to = json::object{{"anyOf", json::array{std::move(to), {{"type", "null"}}}}};
    if (!field.title.empty()) to["title"] = field.title;
    if (!field.description.empty()) to["description"] = field.description;
    if (field.fallback) to["default"] = value_json(*field.fallback);
    if (field.streaming != Streaming::none) to["x-stream"] = to_string(field.streaming);
    return to;
}

json::object json_schema(const Interface& interface, Side side) {
    json::object properties;
    json::array required;
    switch (side) {
        case Side::input:
            put_fields(interface.inputs, side, properties, required);
            put_fields(interface.parameters, side, properties, required);
            break;
        case Side::output:
            put_fields(interface.outputs, side, properties, required);
            break;
        case Side::progress_output:
            put_fields(interface.progress_outputs, side, properties, required);
            break;
        case Side::progress_input:
            put_fields(interface.progress_inputs, side, properties, required);
            break;
    }
    json::object to;
    to["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    to["type"] = "object";
    to["properties"] = std::move(properties);
    if (!required.empty()) to["required"] = std::move(required);
    to["additionalProperties"] = false;
    return to;
}

}  // namespace headrace::catalog
