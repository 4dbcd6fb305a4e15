#include "protocols/native/body.hpp"

#include <algorithm>
#include <cmath>

#include "catalog/interface.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::protocols::native {
namespace {

/// Code points of valid UTF-8: every byte that does not continue one.
std::size_t length_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

bool says_json(const http::Exchange& exchange) {
    const auto type = exchange.header("Content-Type");
    if (!type) return true;  // a body without a type is taken for what the route wants
    // The common spelling is compared before it is taken apart.
    return *type == "application/json" || http::media_type(*type) == "application/json";
}

constexpr std::size_t kMaxViolations = 20;

}  // namespace

std::optional<Result<json::object>> object_at_hand(http::Exchange& exchange, std::uint64_t limit) {
    if (!says_json(exchange)) return std::nullopt;
    const auto text = exchange.body_at_hand(limit);
    if (!text) return std::nullopt;
    return parse_json_object(*text);
}

asio::awaitable<Result<json::object>> read_object(http::Exchange& exchange, std::uint64_t limit) {
    if (!says_json(exchange)) {
        co_return fail(ErrorCode::unsupported_media, "the body must be application/json");
    }
    auto text = co_await exchange.read_body(limit);
    if (!text) co_return fail(std::move(text).error());
    co_return parse_json_object(*text);
}

FieldReader::FieldReader(const json::object& object, std::string root)
    : object_(object), root_(std::move(root)) {
    asked_.reserve(12);  // what the longest form has
}

const json::value* FieldReader::take(std::string_view name) {
    asked_.push_back(name);
    return object_.if_contains(name);
}

const json::value* FieldReader::any(std::string_view name) {
    return take(name);
}

void FieldReader::add(std::string_view name, std::string rule, std::string limit) {
    if (violations_.size() >= kMaxViolations) return;
    std::string path = root_;
    if (!path.empty() && !name.empty()) path += '.';
    path += name;
    violations_.push_back({std::move(path), std::move(rule), std::move(limit)});
}

void FieldReader::require(std::string_view name) {
    if (!object_.contains(name)) add(name, "required");
}

std::optional<std::string_view> FieldReader::text(std::string_view name, std::size_t max_length) {
    const auto* value = take(name);
    if (value == nullptr) return std::nullopt;
    const auto* text = value->if_string();
    if (text == nullptr) {
        add(name, "type:string");
        return std::nullopt;
    }
    if (length_of(*text) > max_length) {
        add(name, "max_length", std::to_string(max_length));
        return std::nullopt;
    }
    return std::string_view(*text);
}

std::optional<std::int64_t> FieldReader::integer(std::string_view name, std::int64_t min,
                                                 std::int64_t max) {
    const auto* value = take(name);
    if (value == nullptr) return std::nullopt;
    if (const auto* big = value->if_uint64()) {
        (void)big;
        add(name, "max", std::to_string(max));
        return std::nullopt;
    }
    const auto* number = value->if_int64();
    if (number == nullptr) {
        add(name, "type:integer");
    } else if (*number < min) {
        add(name, "min", std::to_string(min));
    } else if (*number > max) {
        add(name, "max", std::to_string(max));
    } else {
        return *number;
    }
    return std::nullopt;
}

std::optional<std::int64_t> FieldReader::seconds(std::string_view name, std::int64_t max_seconds) {
    const auto* value = take(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) {
        add(name, "type:number");
        return std::nullopt;
    }
    const double seconds = value->to_number<double>();
    if (!(seconds > 0)) {
        add(name, "exclusive_min", "0");
        return std::nullopt;
    }
    if (seconds > static_cast<double>(max_seconds)) {
        add(name, "max", std::to_string(max_seconds));
        return std::nullopt;
    }
    return std::max<std::int64_t>(1, std::llround(seconds * 1000));
}

std::optional<bool> FieldReader::boolean(std::string_view name) {
    const auto* value = take(name);
    if (value == nullptr) return std::nullopt;
    if (const auto* flag = value->if_bool()) return *flag;
    add(name, "type:boolean");
    return std::nullopt;
}

std::optional<WallMs> FieldReader::time(std::string_view name) {
    const auto* value = take(name);
    if (value == nullptr) return std::nullopt;
    const auto* text = value->if_string();
    if (text == nullptr) {
        add(name, "type:string");
        return std::nullopt;
    }
    const auto time = from_rfc3339(*text);
    if (!time) {
        add(name, "format:time");
        return std::nullopt;
    }
    return *time;
}

const json::object* FieldReader::object(std::string_view name) {
    const auto* value = take(name);
    if (value == nullptr) return nullptr;
    if (const auto* inner = value->if_object()) return inner;
    add(name, "type:object");
    return nullptr;
}

std::optional<std::vector<std::string>> FieldReader::texts(std::string_view name,
                                                           std::size_t max_items,
                                                           std::size_t max_length) {
    const auto* value = take(name);
    if (value == nullptr) return std::nullopt;
    const auto* list = value->if_array();
    if (list == nullptr) {
        add(name, "type:array");
        return std::nullopt;
    }
    if (list->size() > max_items) {
        add(name, "max_items", std::to_string(max_items));
        return std::nullopt;
    }
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string item = std::string(name) + '[' + std::to_string(i) + ']';
        const auto* text = (*list)[i].if_string();
        if (text == nullptr) {
            add(item, "type:string");
        } else if (length_of(*text) > max_length) {
            add(item, "max_length", std::to_string(max_length));
        } else {
            texts.emplace_back(*text);
        }
    }
    return texts;
}

Result<void> FieldReader::finish(std::string_view message) {
    for (const auto& member : object_) {
        const std::string_view name = member.key();
        if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
        // A name that could be a field's is repeated; anything else is content, and stays out.
        add(catalog::is_field_name(name) ? name : "?", "unknown_field");
    }
    if (violations_.empty()) return {};
    Error error{ErrorCode::invalid_argument, std::string(message), std::move(violations_), 0};
    error.message += ": " + error.violations.front().path + ' ' + error.violations.front().rule;
    return fail(std::move(error));
}

}  // namespace headrace::protocols::native
