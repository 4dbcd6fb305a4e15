#include "catalog/field_rule.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/ids.hpp"
#include "base/json_scan.hpp"

namespace headrace::catalog {
namespace {

constexpr std::size_t kMaxUrlBytes = 8 * 1024;
constexpr std::size_t kMaxBoundText = 200;

std::string type_word(std::string_view content_type) {
    std::string word(content_type.substr(0, content_type.find(';')));
    while (!word.empty() && word.back() == ' ') word.pop_back();
    for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return word;
}

bool is_http_url(std::string_view url) {
    const auto starts = [&](std::string_view scheme) {
        return url.size() > scheme.size() && type_word(url.substr(0, scheme.size())) == scheme;
    };
    if (url.size() > kMaxUrlBytes || !(starts("http://") || starts("https://"))) return false;
    return std::none_of(url.begin(), url.end(),
                        [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
}

template <class List>
std::string bound_of(const List& list) {
    return fmt::format("{}", fmt::join(list, ", ")).substr(0, kMaxBoundText);
}

template <class T>
bool contains(const std::vector<T>& list, const T& entry) {
    return std::find(list.begin(), list.end(), entry) != list.end();
}

void check_attribute(std::string_view value, const std::vector<std::uint32_t>& accepted,
                     const PathNode& path, Findings& findings) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || !contains(accepted, number)) {
        findings.add(path, "values", bound_of(accepted));
    }
}

}  // namespace

bool accepts_content_type(Kind kind, const std::vector<std::string>& accepted,
                          std::string_view content_type) {
    const auto word = type_word(content_type);
    if (accepted.empty()) {
        if (kind == Kind::other || word == "application/octet-stream") return true;
        if (kind == Kind::audio && word == "application/ogg") return true;
        return word.starts_with(fmt::format("{}/", to_string(kind)));
    }
    for (const auto& entry : accepted) {
        const auto pattern = type_word(entry);
        if (pattern == word || pattern == "*/*") return true;
        if (pattern.ends_with("/*") &&
            word.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))) {
            return true;
        }
    }
    return false;
}

FieldRule::FieldRule(const FieldSpec& spec, const PathNode& path, Findings& findings)
    : spec_(&spec) {
    text_.compile(spec.text, path, findings);
    if (spec.kind == Kind::json && spec.schema) {
        schema_ = std::make_unique<SchemaRule>(*spec.schema, path.at("schema"), findings);
    }
    check_limits(spec.number, path, findings);
    check_spec(path, findings);
}

void FieldRule::check_spec(const PathNode& path, Findings& findings) {
    if (!is_field_name(spec_->name)) findings.add(path, "field_name");
    if (spec_->list && (spec_->max_items == 0 || spec_->min_items > spec_->max_items)) {
        findings.add(path, "min_above_max");
    }
    if (spec_->kind == Kind::enumeration && spec_->allowed.empty()) {
        findings.add(path.at("values"), "required");
    }
    if (spec_->kind == Kind::tensor) {
        const auto& shape = spec_->tensor.shape;
        if (shape.size() > 16 ||
            std::any_of(shape.begin(), shape.end(), [](auto length) { return length < -1; })) {
            findings.add(path.at("shape"), "shape", "at most 16 numbers from -1");
        }
    }
    for (const auto& content_type : spec_->media.content_types) {
        const auto slash = content_type.find('/');
        if (slash == std::string::npos || slash == 0 || slash + 1 == content_type.size()) {
            findings.add(path.at("content_types"), "content_type");
        }
    }
    for (const auto& entry : spec_->allowed) {
        Value copy = entry;
        Findings probe(0);
        if (spec_->kind != Kind::enumeration) check_item(copy, path, probe);
        if (probe.any()) findings.add(path.at("values"), "values");
    }
    if (!spec_->fallback || findings.any()) return;
    if (is_media(spec_->kind) || spec_->kind == Kind::tensor) {
        findings.add(path.at("default"), "unknown_field");
    } else {
        Value copy = *spec_->fallback;
        check(copy, Completeness::whole, path.at("default"), findings);
    }
}

std::string_view FieldRule::type_rule() const {
    switch (spec_->kind) {
        case Kind::text:
        case Kind::string:
        case Kind::enumeration:
            return "type:string";
        case Kind::audio:
        case Kind::image:
        case Kind::video:
        case Kind::other:
            return "type:media";
        case Kind::tensor:
            return "type:tensor";
        case Kind::integer:
            return "type:integer";
        case Kind::floating:
            return "type:float";
        case Kind::boolean:
            return "type:boolean";
        case Kind::time:
            return "type:time";
        case Kind::json:
            return "type:json";
    }
    return "type";
}

void FieldRule::check(Value& value, Completeness completeness, const PathNode& path,
                      Findings& findings, bool json_sound) const {
    if (value.is_null()) {
        if (!spec_->nullable) findings.add(path, spec_->list ? "type:list" : type_rule());
        return;
    }
    auto* list = value.get<Value::List>();
    const bool json_checked = json_sound && !schema_;
    if (!spec_->list) {
        return list ? findings.add(path, type_rule())
                    : check_item(value, path, findings, json_checked);
    }
    if (!list) return findings.add(path, "type:list");
    check_count(list->size(), completeness, path, findings);
    for (std::size_t i = 0; i < list->size() && !findings.full(); ++i) {
        check_item((*list)[i], path.at(i), findings, json_checked);
    }
}

void FieldRule::check_count(std::size_t count, Completeness completeness, const PathNode& path,
                            Findings& findings) const {
    if (count > spec_->max_items) findings.add(path, "max_items", std::to_string(spec_->max_items));
    if (completeness == Completeness::step) return;
    if (count < spec_->min_items) findings.add(path, "min_items", std::to_string(spec_->min_items));
}

void FieldRule::check_item(Value& value, const PathNode& path, Findings& findings,
                           bool json_checked) const {
    switch (spec_->kind) {
        case Kind::text:
        case Kind::string:
        case Kind::enumeration:
            if (const auto* text = value.get<std::string>())
                return check_text(*text, path, findings);
            break;
        case Kind::integer:
            if (const auto* number = value.get<std::int64_t>()) {
                check_number(*number, spec_->number, path, findings);
                return check_allowed(value, path, findings);
            }
            break;
        case Kind::floating:
            if (const auto* whole = value.get<std::int64_t>()) value = static_cast<double>(*whole);
            if (const auto* number = value.get<double>()) {
                if (!std::isfinite(*number)) return findings.add(path, "finite");
                check_number(*number, spec_->number, path, findings);
                return check_allowed(value, path, findings);
            }
            break;
        case Kind::boolean:
            if (value.get<bool>()) return;
            break;
        case Kind::time:
            if (const auto* time = value.get<Time>()) return check_time(*time, path, findings);
            break;
        case Kind::json:
            if (const auto* json = value.get<Json>()) {
                if (!json_checked) check_json(*json, path, findings);
                return;
            }
            break;
        case Kind::tensor:
            if (const auto* tensor = value.get<Tensor>())
                return check_tensor(*tensor, path, findings);
            break;
        case Kind::audio:
        case Kind::image:
        case Kind::video:
        case Kind::other:
            if (auto* media = value.get<Media>()) return check_media(*media, path, findings);
            break;
    }
    findings.add(path, type_rule());
}

void FieldRule::check_text(const std::string& text, const PathNode& path,
                           Findings& findings) const {
    text_.check(text, path, findings);
    if (spec_->media.max_bytes && text.size() > *spec_->media.max_bytes) {
        findings.add(path, "max_bytes", std::to_string(*spec_->media.max_bytes));
    }
    if (spec_->allowed.empty()) return;
    for (const auto& entry : spec_->allowed) {
        const auto* word = entry.get<std::string>();
        if (word && *word == text) return;
    }
    std::vector<std::string_view> words;
    for (const auto& entry : spec_->allowed) {
        if (const auto* word = entry.get<std::string>()) words.emplace_back(*word);
    }
    findings.add(path, "values", bound_of(words));
}

void FieldRule::check_allowed(const Value& value, const PathNode& path, Findings& findings) const {
    if (spec_->allowed.empty() || contains(spec_->allowed, value)) return;
    std::vector<std::string> words;
    for (const auto& entry : spec_->allowed) {
        if (const auto* whole = entry.get<std::int64_t>()) words.push_back(std::to_string(*whole));
        if (const auto* number = entry.get<double>()) words.push_back(fmt::format("{}", *number));
    }
    findings.add(path, "values", bound_of(words));
}

void FieldRule::check_time(const Time& time, const PathNode& path, Findings& findings) const {
    const auto& min = spec_->number.min;
    const auto& max = spec_->number.max;
    const Number ms = std::int64_t{time.ms};
    const auto text = [](const Number& bound) { return to_rfc3339(std::get<std::int64_t>(bound)); };
    if (min && compare(ms, *min) < 0) findings.add(path, "min", text(*min));
    if (max && compare(ms, *max) > 0) findings.add(path, "max", text(*max));
}

void FieldRule::check_json(const Json& json, const PathNode& path, Findings& findings) const {
    // Checked even without a schema: writers put the text into their answers as it is.
    if (!schema_ && is_plain_json(json.text)) return;
    const auto parsed = parse_json(json.text);
    if (!parsed) return findings.add(path, "type:json");
    if (schema_) schema_->check(*parsed, path, findings);
}

void FieldRule::check_media(Media& media, const PathNode& path, Findings& findings) const {
    const auto& limits = spec_->media;
    if (!media.content_type.empty() &&
        !accepts_content_type(spec_->kind, limits.content_types, media.content_type)) {
        findings.add(path, "content_type",
                     limits.content_types.empty() ? fmt::format("{}/*", to_string(spec_->kind))
                                                  : bound_of(limits.content_types));
    }
    if (const auto* bytes = std::get_if<InlineBytes>(&media.source))
        media.size = bytes->bytes.size();
    if (const auto* file = std::get_if<FileSource>(&media.source); file && !Uuid::parse(file->id)) {
        findings.add(path, "file_id");
    }
    if (const auto* source = std::get_if<UrlSource>(&media.source);
        source && !is_http_url(source->url)) {
        findings.add(path, "url", "http, https");
    }
    if (limits.max_bytes && media.size > *limits.max_bytes) {
        findings.add(path, "max_bytes", std::to_string(*limits.max_bytes));
    }
    for (const auto& [name, value] : media.attributes) {
        if (name == "encoding" && !limits.encodings.empty() && !contains(limits.encodings, value)) {
            findings.add(path.at(name), "values", bound_of(limits.encodings));
        } else if (name == "sample_rate" && !limits.sample_rates.empty()) {
            check_attribute(value, limits.sample_rates, path.at(name), findings);
        } else if (name == "channels" && !limits.channels.empty()) {
            check_attribute(value, limits.channels, path.at(name), findings);
        }
    }
}

void FieldRule::check_tensor(const Tensor& tensor, const PathNode& path, Findings& findings) const {
    const auto& limits = spec_->tensor;
    if (tensor.dtype != limits.dtype) {
        findings.add(path.at("dtype"), "dtype", std::string(to_string(limits.dtype)));
    }
    const bool fits = std::equal(
        tensor.shape.begin(), tensor.shape.end(), limits.shape.begin(), limits.shape.end(),
        [](auto length, auto limit) { return limit == -1 || length == limit; });
    if (!fits)
        findings.add(path.at("shape"), "shape", fmt::format("[{}]", fmt::join(limits.shape, ",")));
    if (!is_consistent(tensor)) findings.add(path.at("data"), "data_size");
}

}  // namespace headrace::catalog
