#include "main/commands/call_flags.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "catalog/values.hpp"
#include "main/commands/api.hpp"

namespace headrace::main {
namespace {

using catalog::FieldSpec;
using catalog::Kind;

/// Above this a media file is uploaded; below it travels as a data URL and saves a round trip.
constexpr std::uintmax_t kInlineBytes = 64 * 1024;

/// A field with the name of one of the command's own flags is --input-NAME.
std::string flag_names(const std::string& name, const Command& command) {
    std::string dashed = name;
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    if (command.has("--" + dashed) || command.has("--" + name)) return "--input-" + dashed;
    return dashed == name ? "--" + name : fmt::format("--{},--{}", dashed, name);
}

std::string value_name(const FieldSpec& field) {
    if (catalog::is_media(field.kind)) return "FILE|URL";
    switch (field.kind) {
        case Kind::text:
            return "TEXT|@FILE|-";
        case Kind::tensor:
            return "JSON|@FILE";
        case Kind::json:
            return "JSON|@FILE";
        case Kind::time:
            return "TIME";
        case Kind::integer:
            return "INTEGER";
        case Kind::floating:
            return "NUMBER";
        default:
            return "TEXT";
    }
}

std::string bound(const catalog::Number& number) {
    return std::visit([](auto value) { return fmt::format("{}", value); }, number);
}

std::string doc_of(const FieldSpec& field) {
    std::string out = field.description.empty() ? field.title : field.description;
    const auto add = [&out](const std::string& text) {
        if (!out.empty()) out += "; ";
        out += text;
    };
    if (out.empty()) out = catalog::to_string(field.kind);
    if (field.number.min) add("at least " + bound(*field.number.min));
    if (field.number.max) add("at most " + bound(*field.number.max));
    if (!field.media.content_types.empty())
        add(fmt::format("{}", fmt::join(field.media.content_types, ", ")));
    if (field.list) add("repeat for more");
    if (field.required && !field.fallback) add("required");
    return out;
}

/// Nested JSON lists as a tensor: the shape is read off the nesting.
void flatten(const json::value& value, std::size_t depth, json::array& shape, json::array& data) {
    const auto* list = value.if_array();
    if (!list) {
        data.push_back(value);
        return;
    }
    if (shape.size() == depth) shape.push_back(static_cast<std::int64_t>(list->size()));
    for (const auto& item : *list) flatten(item, depth + 1, shape, data);
}

Result<json::value> json_argument(const FieldSpec& field, const std::string& text) {
    auto content = read_argument(text);
    if (!content) return fail(std::move(content.error()));
    auto value = parse_json(*content);
    if (!value) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("--{}: {}", field.name, value.error().message));
    }
    if (field.kind != Kind::tensor || value->is_object()) return value;
    json::array shape;
    json::array data;
    flatten(*value, 0, shape, data);
    json::object tensor;
    tensor["shape"] = std::move(shape);
    tensor["dtype"] = catalog::to_string(field.tensor.dtype);
    tensor["data"] = std::move(data);
    return json::value(std::move(tensor));
}

Result<json::value> media_argument(Api& api, const FieldSpec& field, const std::string& text) {
    if (text.starts_with("http://") || text.starts_with("https://")) {
        return json::value(json::object{{"url", text}});
    }
    std::error_code error;
    const auto size = std::filesystem::file_size(text, error);
    if (error) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("--{}: {}: {}", field.name, text, error.message()));
    }
    const auto type = content_type_of(text);
    if (size <= kInlineBytes) {
        std::ifstream in(text, std::ios::binary);
        std::stringstream content;
        content << in.rdbuf();
        return json::value(
            fmt::format("data:{};base64,{}", type, to_base64(std::move(content).str())));
    }
    auto file = api.upload(text, type);
    if (!file) return fail(std::move(file.error()));
    const auto* id = file->is_object() ? file->get_object().if_contains("id") : nullptr;
    if (!id) return fail(ErrorCode::internal, "the server's answer to an upload has no id");
    return json::value(json::object{{"file_id", *id}});
}

Result<json::value> one_value(Api& api, const FieldSpec& field, const std::string& text) {
    if (catalog::is_media(field.kind)) return media_argument(api, field, text);
    switch (field.kind) {
        case Kind::tensor:
        case Kind::json:
            return json_argument(field, text);
        case Kind::integer:
        case Kind::floating:
        case Kind::boolean: {
            auto value = parse_json(text);
            if (!value) {
                return fail(ErrorCode::invalid_argument,
                            fmt::format("--{}: {} is not {}", field.name, text,
                                        catalog::to_string(field.kind)));
            }
            return value;
        }
        case Kind::text: {
            auto content = read_argument(text);
            if (!content) return fail(std::move(content.error()));
            return json::value(std::move(*content));
        }
        default:
            return json::value(text);
    }
}

}  // namespace

Result<std::string> read_argument(const std::string& text) {
    if (text.starts_with("@@")) return text.substr(1);
    std::stringstream content;
    if (text == "-") {
        content << std::cin.rdbuf();
        return std::move(content).str();
    }
    if (!text.starts_with("@")) return text;
    std::ifstream in(text.substr(1), std::ios::binary);
    if (!in || !(content << in.rdbuf())) {
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("the file {} cannot be read (a text that begins with @ is written @@)",
                        text.substr(1)));
    }
    return std::move(content).str();
}

std::string content_type_of(std::string_view file_name) {
    static constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
        {".png", "image/png"},        {".jpg", "image/jpeg"},      {".jpeg", "image/jpeg"},
        {".webp", "image/webp"},      {".gif", "image/gif"},       {".bmp", "image/bmp"},
        {".tif", "image/tiff"},       {".tiff", "image/tiff"},     {".wav", "audio/wav"},
        {".mp3", "audio/mpeg"},       {".ogg", "audio/ogg"},       {".flac", "audio/flac"},
        {".m4a", "audio/mp4"},        {".mp4", "video/mp4"},       {".webm", "video/webm"},
        {".mkv", "video/x-matroska"}, {".pdf", "application/pdf"}, {".txt", "text/plain"},
        {".json", "application/json"}};
    auto ending = std::filesystem::path(file_name).extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    for (const auto& [known, type] : kKnown) {
        if (ending == known) return std::string(type);
    }
    return "application/octet-stream";
}

CallFlags::CallFlags(const catalog::Interface& interface, Command command) {
    command.option("--input", whole_, "the whole input as one JSON object; flags go over it")
        .value_name("JSON|@FILE|-");
    for (const auto& field : interface.inputs) add(field, command);
    for (const auto& field : interface.parameters) add(field, command);
}

void CallFlags::add(const catalog::FieldSpec& field, Command& command) {
    auto& flag = flags_.emplace_back();
    flag.field = &field;
    const auto names = flag_names(field.name, command);
    const auto doc = doc_of(field);
    const char* group = catalog::is_segment(field.kind) ? "Inputs" : "Parameters";
    if (field.list) {
        command.option(names, flag.texts, doc).value_name(value_name(field)).group(group);
    } else if (field.kind == Kind::integer) {
        command.option(names, flag.integer, doc).value_name(value_name(field)).group(group);
    } else if (field.kind == Kind::floating) {
        command.option(names, flag.number, doc).value_name(value_name(field)).group(group);
    } else if (field.kind == Kind::boolean) {
        const auto dashes = names.substr(0, names.find(','));
        command.flag(fmt::format("{},!--no-{}", names, dashes.substr(2)), flag.boolean, doc)
            .group(group);
    } else {
        auto option =
            command.option(names, flag.text, doc).value_name(value_name(field)).group(group);
        if (field.kind == Kind::enumeration) {
            std::vector<std::string> words;
            for (const auto& value : field.allowed) {
                if (const auto* word = value.get<std::string>()) words.push_back(*word);
            }
            if (!words.empty()) option.choices(words);
        }
    }
}

Result<json::object> CallFlags::input(Api& api, const FieldSpec* skip) const {
    json::object out;
    if (!whole_.empty()) {
        auto content = read_argument(whole_);
        if (!content) return fail(std::move(content.error()));
        auto object = parse_json_object(*content);
        if (!object) return fail(ErrorCode::invalid_argument, "--input: " + object.error().message);
        out = std::move(*object);
    }
    for (const auto& flag : flags_) {
        const auto& name = flag.field->name;
        if (flag.field == skip) continue;
        if (flag.integer) out[name] = *flag.integer;
        if (flag.number) out[name] = *flag.number;
        if (flag.boolean) out[name] = *flag.boolean;
        if (flag.text) {
            auto value = one_value(api, *flag.field, *flag.text);
            if (!value) return fail(std::move(value.error()));
            out[name] = std::move(*value);
        }
        if (flag.texts.empty()) continue;
        json::array items;
        for (const auto& text : flag.texts) {
            auto value = one_value(api, *flag.field, text);
            if (!value) return fail(std::move(value.error()));
            items.push_back(std::move(*value));
        }
        out[name] = std::move(items);
    }
    return out;
}

std::string CallFlags::text_of(const FieldSpec& field) const {
    for (const auto& flag : flags_) {
        if (flag.field == &field && flag.text) return *flag.text;
    }
    return "";
}

}  // namespace headrace::main
