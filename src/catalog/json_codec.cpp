#include "catalog/json_codec.hpp"

#include <utility>

#include "base/digest.hpp"
#include "catalog/field_rule.hpp"
#include "catalog/json_value.hpp"

namespace headrace::catalog {
namespace {

/// Reads the members of one object, checking each while it is read.
class Reader {
  public:
    Reader(const FieldSet& set, const ReadOptions& options, Findings& findings)
        : set_(set), options_(options), findings_(findings) {}

    Values read(const json::object& object, const PathNode& root) {
        Values values;
        values.fields.reserve(set_.size());
        FieldSet::Seen seen;
        for (const auto& member : object) {
            if (findings_.full()) break;
            const PathNode here = root.at(std::string_view(member.key()));
            const auto index = set_.find(member.key());
            if (index == FieldSet::npos) {
                findings_.add(here, "unknown_field");
                continue;
            }
            seen.set(index);
            auto& field = values.fields.emplace_back();
            field.name = member.key();
            value(set_.rule(index), member.value(), field.value, here);
        }
        set_.finish(values, seen, options_.completeness, root, findings_);
        return values;
    }

  private:
    void value(const FieldRule& rule, const json::value& from, Value& to, const PathNode& path) {
        const FieldSpec& spec = rule.spec();
        if (from.is_null() && (spec.kind != Kind::json || spec.nullable || spec.list)) {
            // A json field without `nullable` judges null by its schema.
            if (!spec.nullable) findings_.add(path, spec.list ? "type:list" : rule.type_rule());
            return;
        }
        if (!spec.list) return item(rule, from, to, path);
        const auto* array = from.if_array();
        if (!array) return findings_.add(path, "type:list");
        rule.check_count(array->size(), options_.completeness, path, findings_);
        auto& list = to.kind.emplace<Value::List>();
        if (findings_.full()) return;
        list.reserve(array->size());
        for (std::size_t i = 0; i < array->size() && !findings_.full(); ++i) {
            item(rule, (*array)[i], list.emplace_back(), path.at(i));
        }
    }

    void item(const FieldRule& rule, const json::value& from, Value& to, const PathNode& path) {
        const Kind kind = rule.spec().kind;
        if (kind == Kind::json) {
            if (rule.schema()) rule.schema()->check(from, path, findings_);
            auto& text = to.kind.emplace<Json>().text;
            append_json(text, from);
        } else if (kind == Kind::tensor) {
            auto& tensor = to.kind.emplace<Tensor>();
            if (!tensor_from_json(from, rule.spec().tensor.dtype, tensor, path, findings_)) return;
        } else if (is_media(kind)) {
            if (!media(rule, from, to.kind.emplace<Media>(), path)) return;
        } else if (!scalar_from_json(kind, from, to)) {
            return findings_.add(path, rule.type_rule());
        }
        rule.check_item(to, path, findings_, true);
    }

    bool media(const FieldRule& rule, const json::value& from, Media& to, const PathNode& path) {
        if (const auto* text = from.if_string()) return data_url(rule, *text, to, path);
        const auto* object = from.if_object();
        if (!object) {
            findings_.add(path, rule.type_rule());
            return false;
        }
        const auto* file = options_.allow_file ? object->if_contains("file_id") : nullptr;
        const auto* url = options_.allow_url ? object->if_contains("url") : nullptr;
        if (object->size() != 1 || (!file && !url)) {
            findings_.add(path, "type:media", "file_id, url, data URL");
            return false;
        }
        const json::value& source = file ? *file : *url;
        if (!source.is_string()) {
            findings_.add(path.at(file ? "file_id" : "url"), "type:string");
            return false;
        }
        if (file)
            to.source = FileSource{std::string(source.get_string())};
        else
            to.source = UrlSource{std::string(source.get_string())};
        return true;
    }

    bool data_url(const FieldRule& rule, std::string_view text, Media& to, const PathNode& path) {
        auto parsed = parse_data_url(text);
        if (!parsed) {
            findings_.add(path, "data_url", "data:TYPE;base64,…");
            return false;
        }
        // Looked at before decoding: what is too large costs nothing more.
        std::uint64_t most = options_.max_data_url_bytes;
        if (const auto& limit = rule.spec().media.max_bytes; limit && *limit < most) most = *limit;
        if (parsed->base64.size() / 4 > most / 3 + 1) {
            findings_.add(path, "max_bytes", std::to_string(most));
            return false;
        }
        auto bytes = from_base64(parsed->base64);
        if (!bytes || bytes->size() > most) {
            findings_.add(path, bytes ? "max_bytes" : "base64", bytes ? std::to_string(most) : "");
            return false;
        }
        to.content_type = std::move(parsed->content_type);
        to.size = bytes->size();
        to.source = InlineBytes{std::move(*bytes)};
        return true;
    }

    const FieldSet& set_;
    const ReadOptions& options_;
    Findings& findings_;
};

struct ValueWriter {
    std::string& out;
    const MediaWriter& media;

    void operator()(const Null&) const { out += "null"; }
    void operator()(const std::string& text) const { append_json_string(out, text); }
    void operator()(std::int64_t number) const { out += std::to_string(number); }
    void operator()(double number) const { append_number(out, number); }
    void operator()(bool flag) const { out += flag ? "true" : "false"; }
    void operator()(const Time& time) const { append_json_string(out, to_rfc3339(time.ms)); }
    void operator()(const Json& json) const { out += json.text; }
    void operator()(const Tensor& tensor) const { tensor_to_json(out, tensor); }
    void operator()(const Media& value) const { media(out, value); }
    void operator()(const Value::List& list) const {
        out += '[';
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (i > 0) out += ',';
            std::visit(*this, list[i].kind);
        }
        out += ']';
    }
};

}  // namespace

Result<Values> read_json(const Validator& validator, const json::object& object,
                         const ReadOptions& options) {
    Findings findings(Validator::kMaxViolations);
    const std::string_view root = root_of(options.side);
    Reader reader(validator.fields(options.side), options, findings);
    Values values = reader.read(object, PathNode{nullptr, root, -1});
    if (findings.any()) return fail(std::move(findings).error("the " + std::string(root)));
    return values;
}

void write_media(std::string& out, const Media& media) {
    if (const auto* bytes = std::get_if<InlineBytes>(&media.source)) {
        const std::string_view type = media.content_type.empty()
                                          ? "application/octet-stream"
                                          : std::string_view(media.content_type);
        std::string url = "data:";
        url.append(type).append(";base64,").append(to_base64(bytes->bytes));
        return append_json_string(out, url);
    }
    out += '{';
    if (const auto* file = std::get_if<FileSource>(&media.source)) {
        out += "\"file_id\":";
        append_json_string(out, file->id);
    } else if (const auto* source = std::get_if<UrlSource>(&media.source)) {
        out += "\"url\":";
        append_json_string(out, source->url);
    } else if (const auto* blob = std::get_if<BlobSource>(&media.source)) {
        out += "\"sha256\":";
        append_json_string(out, to_hex(blob->digest));
    }
    if (!media.content_type.empty()) {
        out += out.back() == '{' ? "\"content_type\":" : ",\"content_type\":";
        append_json_string(out, media.content_type);
    }
    if (media.size > 0) {
        out += out.back() == '{' ? "\"size\":" : ",\"size\":";
        out += std::to_string(media.size);
    }
    out += '}';
}

void write_json(std::string& out, const Values& values, const MediaWriter& media) {
    out += '{';
    bool first = true;
    for (const auto& field : values.fields) {
        if (!first) out += ',';
        first = false;
        append_json_string(out, field.name);
        out += ':';
        write_json(out, field.value, media);
    }
    out += '}';
}

void write_json(std::string& out, const Value& value, const MediaWriter& media) {
    std::visit(ValueWriter{out, media}, value.kind);
}

}  // namespace headrace::catalog
