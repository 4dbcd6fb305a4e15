#include "protocols/native/limits_json.hpp"

#include <utility>

#include "base/json.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::int64_t kMaxLimit = 1'000'000'000'000;

/// The members of one object of limits, as faults of `fields` below `path`.
access::Limits read_limits(FieldReader& fields, const json::object& object, std::string path) {
    access::Limits limits;
    for (const auto& member : object) {
        const std::string_view name = member.key();
        std::uint64_t* into = nullptr;
        if (name == "requests_per_minute") into = &limits.requests_per_minute;
        if (name == "requests_per_day") into = &limits.requests_per_day;
        if (name == "tokens_per_minute") into = &limits.tokens_per_minute;
        if (name == "concurrency") into = &limits.concurrency;
        if (into == nullptr) {
            fields.add(path + ".?", "unknown_field",
                       "requests_per_minute requests_per_day tokens_per_minute concurrency");
            continue;
        }
        const std::string at = path + '.' + std::string(name);
        const auto* number = member.value().if_int64();
        if (member.value().is_null()) continue;
        if (number == nullptr) {
            fields.add(at, "type:integer");
        } else if (*number < 0 || *number > kMaxLimit) {
            fields.add(at, *number < 0 ? "min" : "max",
                       std::to_string(*number < 0 ? 0 : kMaxLimit));
        } else {
            *into = static_cast<std::uint64_t>(*number);
        }
    }
    return limits;
}

void append_limit(std::string& out, std::string_view name, std::uint64_t value) {
    if (value == 0) return;
    if (out.back() != '{') out += ',';
    out += '"';
    out += name;
    out += "\":" + std::to_string(value);
}

}  // namespace

std::optional<access::Limits> limits_field(FieldReader& fields, std::string_view name) {
    const auto* object = fields.object(name);
    if (object == nullptr) return std::nullopt;
    return read_limits(fields, *object, std::string(name));
}

std::optional<std::vector<access::ModelLimits>> model_limits_field(FieldReader& fields,
                                                                   std::string_view name) {
    const auto* object = fields.object(name);
    if (object == nullptr) return std::nullopt;
    std::vector<access::ModelLimits> out;
    for (const auto& member : *object) {
        const std::string path = std::string(name) + '[' + std::to_string(out.size()) + ']';
        const auto* limits = member.value().if_object();
        if (limits == nullptr) {
            fields.add(path, "type:object");
            continue;
        }
        out.push_back({std::string(member.key()), read_limits(fields, *limits, path)});
    }
    return out;
}

void append_limits(std::string& out, const access::Limits& limits) {
    out += '{';
    append_limit(out, "requests_per_minute", limits.requests_per_minute);
    append_limit(out, "requests_per_day", limits.requests_per_day);
    append_limit(out, "tokens_per_minute", limits.tokens_per_minute);
    append_limit(out, "concurrency", limits.concurrency);
    out += '}';
}

void append_text_member(std::string& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    out += ",\"";
    out += name;
    out += "\":";
    append_json_string(out, text);
}

void append_time_member(std::string& out, std::string_view name, WallMs at) {
    if (at == 0) return;
    out += ",\"";
    out += name;
    out += "\":\"" + to_rfc3339(at) + '"';
}

void add_limit_headers(http::Headers& headers, const access::LimitsView& view) {
    for (auto& [name, value] : access::limit_headers(view)) {
        headers.set(std::string(name), std::move(value));
    }
}

}  // namespace headrace::protocols::native
