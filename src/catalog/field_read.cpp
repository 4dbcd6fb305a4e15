#include "catalog/field_read.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "catalog/json_value.hpp"
#include "catalog/rules.hpp"

namespace headrace::catalog {
namespace {

constexpr unsigned bit(Kind kind) {
    return 1U << static_cast<unsigned>(kind);
}

constexpr unsigned kMedia =
    bit(Kind::audio) | bit(Kind::image) | bit(Kind::video) | bit(Kind::other);
constexpr unsigned kSegments = kMedia | bit(Kind::text) | bit(Kind::tensor);
constexpr unsigned kNumbers = bit(Kind::integer) | bit(Kind::floating);
constexpr unsigned kStrings = bit(Kind::text) | bit(Kind::string);
constexpr unsigned kWords = bit(Kind::string) | bit(Kind::enumeration);
constexpr unsigned kSeen = bit(Kind::image) | bit(Kind::video);
constexpr unsigned kHeard = bit(Kind::audio) | bit(Kind::video);

class FieldReader {
  public:
    FieldReader(FieldGroup group, const PathNode& path, Findings& findings)
        : group_(group), path_(path), findings_(findings) {}

    FieldSpec read(std::string_view name, const json::object& object) {
        field_.name = name;
        field_.required = required_by_default(group_);
        const auto* kind = object.if_contains("kind");
        if (!kind || !read_kind(*kind)) {
            findings_.add(path_.at("kind"), kind ? "values" : "required", kind ? kKinds : "");
            return std::move(field_);
        }
        for (const auto& member : object) {
            if (member.key() == "kind") continue;
            const PathNode here = path_.at(std::string_view(member.key()));
            if (!keyword(member.key(), member.value(), here)) findings_.add(here, "unknown_field");
        }
        finish(object);
        return std::move(field_);
    }

  private:
    static constexpr const char* kKinds =
        "text, audio, image, video, other, tensor, integer, float, boolean, string, enum, time, "
        "json";

    bool read_kind(const json::value& word) {
        for (int i = 0; i <= static_cast<int>(Kind::json); ++i) {
            const auto kind = static_cast<Kind>(i);
            if (word.is_string() && word.get_string() == to_string(kind)) {
                field_.kind = kind;
                return true;
            }
        }
        return false;
    }

    bool is(unsigned kinds) const { return (bit(field_.kind) & kinds) != 0; }

    /// False when there is no such key for this kind and group.
    bool keyword(std::string_view key, const json::value& value, const PathNode& here) {
        return general(key, value, here) || limits(key, value, here) || media(key, value, here);
    }

    bool general(std::string_view key, const json::value& value, const PathNode& here) {
        const bool output = group_ == FieldGroup::output;
        if (key == "title") return text(value, field_.title, here);
        if (key == "description") return text(value, field_.description, here);
        if (key == "required" && !output) return flag(value, field_.required, here);
        if (key == "conditional" && output) {
            bool conditional = false;
            flag(value, conditional, here);
            field_.required = !conditional;
            return true;
        }
        if (key == "nullable") return flag(value, field_.nullable, here);
        if (key == "stream" && output) return streaming(value, here);
        if (key == "count" && is(kSegments)) return count(value, here);
        if (key == "list" && !is(kSegments)) return flag(value, field_.list, here);
        if (key == "min_items" && !is(kSegments)) return number(value, field_.min_items, here);
        if (key == "max_items" && !is(kSegments)) return number(value, field_.max_items, here);
        // Both depend on what `list` says, wherever it stands: finish() reads them.
        if (key == "default" && !output && !is(kMedia | bit(Kind::tensor))) return true;
        return key == "values" && is(kNumbers | kWords);
    }

    bool limits(std::string_view key, const json::value& value, const PathNode& here) {
        auto& number = field_.number;
        if (key == "min" && is(kNumbers | bit(Kind::time))) return bound(value, number.min, here);
        if (key == "max" && is(kNumbers | bit(Kind::time))) return bound(value, number.max, here);
        if (key == "exclusive_min" && is(kNumbers)) return bound(value, number.exclusive_min, here);
        if (key == "exclusive_max" && is(kNumbers)) return bound(value, number.exclusive_max, here);
        if (key == "multiple_of" && is(kNumbers)) return bound(value, number.multiple_of, here);
        if (key == "min_length" && is(kStrings))
            return number_of(value, field_.text.min_length, here);
        if (key == "max_length" && is(kStrings))
            return number_of(value, field_.text.max_length, here);
        if (key == "pattern" && is(kStrings))
            return text(value, field_.text.pattern.emplace(), here);
        if (key == "dtype" && is(bit(Kind::tensor))) return dtype(value, here);
        if (key == "shape" && is(bit(Kind::tensor))) return shape(value, here);
        if (key == "schema" && is(bit(Kind::json))) {
            field_.schema = std::make_shared<const json::value>(value);
            return true;
        }
        return false;
    }

    bool media(std::string_view key, const json::value& value, const PathNode& here) {
        auto& media = field_.media;
        if (key == "content_types" && is(kMedia)) return words(value, media.content_types, here);
        if (key == "encodings" && is(kMedia | bit(Kind::text))) {
            return words(value, media.encodings, here);
        }
        if (key == "sample_rate" && is(kHeard)) return numbers(value, media.sample_rates, here);
        if (key == "channels" && is(kHeard)) return numbers(value, media.channels, here);
        if (key == "color_space" && is(kSeen)) return words(value, media.color_spaces, here);
        if (key == "width" && is(kSeen)) return extent(value, media.width, here);
        if (key == "height" && is(kSeen)) return extent(value, media.height, here);
        if (key == "keep_aspect_ratio" && is(kSeen))
            return flag(value, media.keep_aspect_ratio, here);
        if (key == "max_pixels" && is(kSeen)) return number_of(value, media.max_pixels, here);
        if (key == "max_bytes" && is(kMedia | bit(Kind::text))) {
            return number_of(value, media.max_bytes, here);
        }
        if (key == "max_seconds" && is(kHeard)) {
            if (!value.is_number())
                findings_.add(here, "type:float");
            else
                media.max_seconds = value.to_number<double>();
            return true;
        }
        return false;
    }

    bool text(const json::value& value, std::string& to, const PathNode& here) {
        if (value.is_string())
            to = value.get_string();
        else
            findings_.add(here, "type:string");
        return true;
    }

    bool flag(const json::value& value, bool& to, const PathNode& here) {
        if (value.is_bool())
            to = value.get_bool();
        else
            findings_.add(here, "type:boolean");
        return true;
    }

    template <class T>
    bool number(const json::value& value, T& to, const PathNode& here) {
        const auto* whole = value.if_int64();
        if (whole && *whole >= 0 && std::in_range<T>(*whole))
            to = static_cast<T>(*whole);
        else
            findings_.add(here, "type:integer", "0");
        return true;
    }

    bool number_of(const json::value& value, std::optional<std::uint64_t>& to,
                   const PathNode& here) {
        return number(value, to.emplace(), here);
    }

    bool bound(const json::value& value, std::optional<Number>& to, const PathNode& here) {
        if (field_.kind == Kind::time) {
            Value time;
            if (scalar_from_json(Kind::time, value, time))
                to = std::int64_t{time.get<Time>()->ms};
            else
                findings_.add(here, "type:time");
            return true;
        }
        to = number_from(value);
        if (!to) findings_.add(here, "type:number");
        return true;
    }

    bool words(const json::value& value, std::vector<std::string>& to, const PathNode& here) {
        const auto one = [&](const json::value& word) { text(word, to.emplace_back(), here); };
        if (const auto* array = value.if_array()) {
            for (const auto& word : *array) one(word);
        } else {
            one(value);
        }
        return true;
    }

    bool numbers(const json::value& value, std::vector<std::uint32_t>& to, const PathNode& here) {
        const auto one = [&](const json::value& entry) { number(entry, to.emplace_back(), here); };
        if (const auto* array = value.if_array()) {
            for (const auto& entry : *array) one(entry);
        } else {
            one(value);
        }
        return true;
    }

    bool extent(const json::value& value, Extent& to, const PathNode& here) {
        const auto* table = value.if_object();
        if (!table) {
            findings_.add(here, "type:object");
            return true;
        }
        for (const auto& member : *table) {
            const PathNode at = here.at(std::string_view(member.key()));
            auto* entry = member.key() == "min"           ? &to.min
                          : member.key() == "max"         ? &to.max
                          : member.key() == "multiple_of" ? &to.multiple_of
                                                          : nullptr;
            if (entry)
                number(member.value(), entry->emplace(), at);
            else
                findings_.add(at, "unknown_field");
        }
        return true;
    }

    bool streaming(const json::value& value, const PathNode& here) {
        if (value == json::value("append"))
            field_.streaming = Streaming::append;
        else if (value == json::value("replace"))
            field_.streaming = Streaming::replace;
        else
            findings_.add(here, "values", "append, replace");
        return true;
    }

    bool dtype(const json::value& value, const PathNode& here) {
        const auto dtype = value.is_string() ? dtype_from(value.get_string()) : std::nullopt;
        if (dtype)
            field_.tensor.dtype = *dtype;
        else
            findings_.add(here, "dtype", "bool, int8 … uint64, fp16, bf16, fp32, fp64, bytes");
        return true;
    }

    bool shape(const json::value& value, const PathNode& here) {
        const auto* array = value.if_array();
        if (!array) {
            findings_.add(here, "type:list");
            return true;
        }
        for (const auto& length : *array) {
            if (length.is_int64())
                field_.tensor.shape.push_back(length.get_int64());
            else
                findings_.add(here, "type:integer");
        }
        return true;
    }

    /// 3, "3", "1..4" or "0..n". One single value is no list.
    bool count(const json::value& value, const PathNode& here) {
        std::string range;
        if (value.is_int64())
            range = std::to_string(value.get_int64());
        else if (value.is_string())
            range = value.get_string();
        const auto dots = range.find("..");
        const auto low = range.substr(0, dots);
        const auto high = dots == std::string::npos ? low : range.substr(dots + 2);
        const auto least = count_word(low);
        const auto most = high == "n" ? std::optional(kUnbounded) : count_word(high);
        if (!least || !most || *least > *most || *most == 0) {
            findings_.add(here, "count", "3, 1..4 or 0..n");
            return true;
        }
        field_.list = *most > 1;
        if (field_.list) {
            field_.min_items = *least;
            field_.max_items = *most;
        }
        if (*least == 0 && group_ != FieldGroup::output) field_.required = false;
        return true;
    }

    static std::optional<std::uint32_t> count_word(std::string_view word) {
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
        if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
        return number;
    }

    Value single(const json::value& from, const PathNode& here) {
        Value value;
        if (field_.kind == Kind::json) {
            append_json(value.kind.emplace<Json>().text, from);
        } else if (!scalar_from_json(field_.kind, from, value)) {
            findings_.add(here, "type:" + std::string(to_string(field_.kind)));
        }
        return value;
    }

    void finish(const json::object& object) {
        if (const auto* values = object.if_contains("values"); values && is(kNumbers | kWords)) {
            const PathNode here = path_.at("values");
            if (!values->is_array())
                findings_.add(here, "type:list");
            else
                for (const auto& entry : values->get_array())
                    field_.allowed.push_back(single(entry, here));
        }
        if (is(bit(Kind::tensor))) {
            for (const char* key : {"dtype", "shape"}) {
                if (!object.contains(key)) findings_.add(path_.at(key), "required");
            }
        }
        const auto* fallback = object.if_contains("default");
        if (!fallback || group_ == FieldGroup::output || is(kMedia | bit(Kind::tensor))) return;
        const PathNode here = path_.at("default");
        if (fallback->is_null() && field_.nullable) {
            field_.fallback = Null{};
        } else if (!field_.list) {
            field_.fallback = single(*fallback, here);
        } else if (const auto* array = fallback->if_array()) {
            Value::List list;
            for (const auto& entry : *array) list.push_back(single(entry, here));
            field_.fallback = std::move(list);
        } else {
            findings_.add(here, "type:list");
        }
    }

    FieldGroup group_;
    const PathNode& path_;
    Findings& findings_;
    FieldSpec field_;
};

}  // namespace

FieldSpec read_field(std::string_view name, const json::object& object, FieldGroup group,
                     const PathNode& path, Findings& findings) {
    return FieldReader(group, path, findings).read(name, object);
}

}  // namespace headrace::catalog
