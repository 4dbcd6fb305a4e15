#include <utility>

#include "catalog/field_read.hpp"
#include "catalog/interface.hpp"
#include "catalog/json_codec.hpp"
#include "catalog/rules.hpp"

namespace headrace::catalog {
namespace {

json::value value_json(const Value& value) {
    std::string text;
    write_json(text, value);
    // What we have just written reads back; a json default may be any text, so it was parsed
    // before.
    auto parsed = parse_json(text);
    return parsed ? std::move(*parsed) : json::value();
}

void put(json::object& to, std::string_view key, const std::string& text) {
    if (!text.empty()) to[key] = text;
}

template <class T>
void put(json::object& to, std::string_view key, const std::optional<T>& entry) {
    if (entry) to[key] = *entry;
}

template <class T>
void put_list(json::object& to, std::string_view key, const std::vector<T>& list) {
    if (!list.empty()) to[key] = json::array(list.begin(), list.end());
}

void put_bound(json::object& to, std::string_view key, const std::optional<Number>& bound,
               Kind kind) {
    if (!bound) return;
    if (kind == Kind::time)
        to[key] = to_rfc3339(std::get<std::int64_t>(*bound));
    else
        to[key] = to_json(*bound);
}

void put_extent(json::object& to, std::string_view key, const Extent& extent) {
    json::object table;
    put(table, "min", extent.min);
    put(table, "max", extent.max);
    put(table, "multiple_of", extent.multiple_of);
    if (!table.empty()) to[key] = std::move(table);
}

void put_count(json::object& to, const FieldSpec& field) {
    if (!field.list) return;
    if (!is_segment(field.kind)) {
        to["list"] = true;
        if (field.min_items > 0) to["min_items"] = field.min_items;
        if (field.max_items != kUnbounded) to["max_items"] = field.max_items;
        return;
    }
    const auto most = field.max_items == kUnbounded ? "n" : std::to_string(field.max_items);
    to["count"] = std::to_string(field.min_items) + ".." + most;
}

void put_media(json::object& to, const MediaLimits& media) {
    put_list(to, "content_types", media.content_types);
    put_list(to, "encodings", media.encodings);
    put_list(to, "sample_rate", media.sample_rates);
    put_list(to, "channels", media.channels);
    put_list(to, "color_space", media.color_spaces);
    put_extent(to, "width", media.width);
    put_extent(to, "height", media.height);
    if (media.keep_aspect_ratio) to["keep_aspect_ratio"] = true;
    put(to, "max_bytes", media.max_bytes);
    put(to, "max_pixels", media.max_pixels);
    put(to, "max_seconds", media.max_seconds);
}

json::object write_fields(const std::vector<FieldSpec>& fields, FieldGroup group) {
    json::object object;
    for (const auto& field : fields) object[field.name] = write_field(field, group);
    return object;
}

void put_group(json::object& to, std::string_view key, json::object group) {
    if (!group.empty()) to[key] = std::move(group);
}

}  // namespace

json::object write_field(const FieldSpec& field, FieldGroup group) {
    json::object to;
    to["kind"] = to_string(field.kind);
    put(to, "title", field.title);
    put(to, "description", field.description);
    if (group == FieldGroup::output) {
        if (!field.required) to["conditional"] = true;
        if (field.streaming != Streaming::none) to["stream"] = to_string(field.streaming);
    } else if (field.required != required_by_default(group) &&
               !(field.list && is_segment(field.kind) && field.min_items == 0)) {
        to["required"] = field.required;
    }
    if (field.nullable) to["nullable"] = true;
    put_count(to, field);
    if (field.fallback) to["default"] = value_json(*field.fallback);
    if (!field.allowed.empty()) to["values"] = value_json(Value(field.allowed));
    put_bound(to, "min", field.number.min, field.kind);
    put_bound(to, "max", field.number.max, field.kind);
    put_bound(to, "exclusive_min", field.number.exclusive_min, field.kind);
    put_bound(to, "exclusive_max", field.number.exclusive_max, field.kind);
    put_bound(to, "multiple_of", field.number.multiple_of, field.kind);
    put(to, "min_length", field.text.min_length);
    put(to, "max_length", field.text.max_length);
    put(to, "pattern", field.text.pattern);
    put_media(to, field.media);
    if (field.kind == Kind::tensor) {
        to["dtype"] = to_string(field.tensor.dtype);
        to["shape"] = json::array(field.tensor.shape.begin(), field.tensor.shape.end());
    }
    if (field.schema) to["schema"] = *field.schema;
    return to;
}

std::string interface_to_json(const Interface& interface) {
    json::object to;
    if (interface.mode != Mode::once) to["mode"] = to_string(interface.mode);
    if (interface.profile) to["profile"] = to_string(*interface.profile);
    put_group(to, "inputs", write_fields(interface.inputs, FieldGroup::input));
    put_group(to, "parameters", write_fields(interface.parameters, FieldGroup::parameter));
    put_group(to, "outputs", write_fields(interface.outputs, FieldGroup::output));
    json::object progress;
    put_group(progress, "outputs", write_fields(interface.progress_outputs, FieldGroup::progress));
    put_group(progress, "inputs", write_fields(interface.progress_inputs, FieldGroup::progress));
    put_group(to, "progress", std::move(progress));
    json::object errors;
    for (const auto& error : interface.errors) {
        auto& entry = errors[error.code].emplace_object();
        put(entry, "description", error.description);
        if (error.retryable) entry["retryable"] = true;
    }
    put_group(to, "errors", std::move(errors));
    json::object meters;
    for (const auto& meter : interface.meters) {
        auto& entry = meters[meter.name].emplace_object();
        put(entry, "unit", meter.unit);
        put(entry, "description", meter.description);
    }
    put_group(to, "meters", std::move(meters));
    return canonical_json(to);
}

}  // namespace headrace::catalog
