#include "protocols/native/upstream_json.hpp"

#include <algorithm>
#include <cmath>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "protocols/native/body.hpp"

namespace headrace::protocols::native {
namespace {

using std::chrono::milliseconds;
using upstreams::ModelSpec;
using upstreams::UpstreamSpec;

constexpr std::string_view kHidden = "***";  // what cannot be read back
constexpr std::size_t kText = 4'096;
constexpr std::size_t kPem = 64 * 1024;
constexpr std::int64_t kMostSeconds = 86'400;

std::optional<catalog::Profile> profile_from(std::string_view word) {
    for (int i = 0; i <= static_cast<int>(catalog::Profile::image); ++i) {
        const auto profile = static_cast<catalog::Profile>(i);
        if (catalog::to_string(profile) == word) return profile;
    }
    return std::nullopt;
}

/// "id", or {"id", "remote", "profile"}.
std::optional<ModelSpec> read_model(const json::value& value, FieldReader& fields) {
    ModelSpec model;
    if (const auto* id = value.if_string()) {
        model.id = *id;
        return model;
    }
    const auto* object = value.if_object();
    if (!object) {
        fields.add("models", "type:object");
        return std::nullopt;
    }
    for (const auto& member : *object) {
        const auto* text = member.value().if_string();
        if (!text) {
            fields.add("models", "type:string");
        } else if (member.key() == "id") {
            model.id = *text;
        } else if (member.key() == "remote") {
            model.remote = *text;
        } else if (member.key() == "profile") {
            const auto profile = profile_from(std::string_view(*text));
            if (profile)
                model.profile = *profile;
            else
                fields.add("models", "enum", "chat embed rerank transcribe speak");
        } else {
            fields.add("models", "unknown_field", "id remote profile");
        }
    }
    return model;
}

void read_models(FieldReader& fields, std::vector<ModelSpec>& to) {
    const auto* value = fields.any("models");
    if (!value) return;
    const auto* list = value->if_array();
    if (!list) return fields.add("models", "type:array");
    to.clear();
    for (const auto& each : *list) {
        if (auto model = read_model(each, fields)) to.push_back(std::move(*model));
    }
}

void read_texts(FieldReader& fields, std::string_view name, upstreams::NamedTexts& to) {
    const auto* object = fields.object(name);
    if (!object) return;
    to.clear();
    for (const auto& member : *object) {
        const auto* text = member.value().if_string();
        if (!text) {
            fields.add(name, "type:string");
            continue;
        }
        to.emplace_back(member.key(), std::string(*text));
    }
}

/// Values go out as stars: stars that come back leave what is set, so that one can be changed
/// without the others, which nobody can read again.
void read_headers(FieldReader& fields, upstreams::NamedTexts& to) {
    const auto before = to;
    read_texts(fields, "headers", to);
    for (auto& [name, value] : to) {
        if (value != kHidden) continue;
        const auto same = [&name = name](const auto& header) {
            return http::equal_without_case(header.first, name);
        };
        const auto set = std::find_if(before.begin(), before.end(), same);
        if (set == before.end()) {
            fields.add("headers", "required", "a value for each field that has none yet");
        } else {
            value = set->second;
        }
    }
}

void read_timeouts(FieldReader& fields, upstreams::Timeouts& to) {
    const auto* object = fields.object("timeouts");
    if (!object) return;
    FieldReader times(*object, "timeouts");
    const auto one = [&](std::string_view name, milliseconds& time) {
        if (const auto read = times.seconds(name, kMostSeconds)) time = milliseconds(*read);
    };
    one("connect", to.connect);
    one("first_byte", to.first_byte);
    one("between", to.between);
    one("total", to.total);
    if (auto sound = times.finish("the timeouts are not valid"); !sound) {
        for (const auto& violation : sound.error().violations) {
            fields.add(violation.path, violation.rule, violation.limit);
        }
    }
}

/// Numbers that may be zero, in seconds or as they are.
std::optional<double> read_number(FieldReader& fields, std::string_view name) {
    const auto* value = fields.any(name);
    if (!value) return std::nullopt;
    if (!value->is_number()) {
        fields.add(name, "type:number");
        return std::nullopt;
    }
    return value->to_number<double>();
}

void read_key(FieldReader& fields, Secret& to) {
    const auto* value = fields.any("key");
    if (!value) return;
    if (value->is_null()) {
        to = Secret();
    } else if (const auto* text = value->if_string()) {
        to = Secret(std::string(*text));
    } else {
        fields.add("key", "type:string");
    }
}

void member(std::string& out, std::string_view name, std::string_view text) {
    append_json_string(out.append(out.back() == '{' ? "" : ","), name);
    out += ':';
    append_json_string(out, text);
}

void number(std::string& out, std::string_view name, double value) {
    append_json_string(out.append(out.back() == '{' ? "" : ","), name);
    out += ':';
    const bool whole = std::floor(value) == value && std::abs(value) < 1e15;
    if (whole)
        out += std::to_string(static_cast<std::int64_t>(value));
    else
        append_json(out, json::value(value));
}

void flag(std::string& out, std::string_view name, bool value) {
    append_json_string(out.append(out.back() == '{' ? "" : ","), name);
    out += value ? ":true" : ":false";
}

void begin(std::string& out, std::string_view name, char bracket) {
    append_json_string(out.append(out.back() == '{' ? "" : ","), name);
    out += ':';
    out += bracket;
}

void texts(std::string& out, std::string_view name, const upstreams::NamedTexts& pairs,
           bool hidden) {
    if (pairs.empty()) return;
    begin(out, name, '{');
    for (const auto& [key, value] : pairs) member(out, key, hidden ? kHidden : value);
    out += '}';
}

void time_member(std::string& out, std::string_view name, WallMs at) {
    if (at != 0) member(out, name, to_rfc3339(at));
}

double seconds_of(milliseconds time) {
    return static_cast<double>(time.count()) / 1'000;
}

void append_health(std::string& out, const upstreams::UpstreamView& view) {
    begin(out, "health", '{');
    member(out, "state", view.spec->enabled ? upstreams::to_string(view.health) : "disabled");
    if (!view.reason.empty()) member(out, "reason", view.reason);
    time_member(out, "since", view.since);
    time_member(out, "until", view.until);
    number(out, "in_flight", view.in_flight);
    number(out, "calls", static_cast<double>(view.calls));
    number(out, "failures", static_cast<double>(view.failures));
    time_member(out, "last_ok_at", view.last_ok_at);
    if (!view.last_error.empty()) member(out, "last_error", view.last_error);
    time_member(out, "last_error_at", view.last_error_at);
    time_member(out, "heard_at", view.heard_at);
    number(out, "prompt_tokens", static_cast<double>(view.prompt_tokens));
    number(out, "completion_tokens", static_cast<double>(view.completion_tokens));
    if (view.load) number(out, "load", *view.load);
    out += '}';
}

}  // namespace

Result<UpstreamChange> read_upstream(const json::object& body, UpstreamSpec spec, bool fresh) {
    UpstreamChange out;
    FieldReader fields(body);
    if (fresh) {
        for (const std::string_view name : {"name", "base_url", "models"}) fields.require(name);
        if (const auto name = fields.text("name", kText)) spec.name = *name;
        (void)fields.any("tenant");  // the route has looked at it
        if (const auto word = fields.text("kind", kText)) {
            const auto kind = upstreams::kind_from(*word);
            if (kind)
                spec.kind = *kind;
            else
                fields.add("kind", "enum", "openai fastchat");
        }
    }
    if (const auto url = fields.text("base_url", kText)) spec.base_url = *url;
    read_key(fields, spec.key);
    if (const auto ca = fields.text("ca", kPem)) spec.ca = *ca;
    if (const auto name = fields.text("server_name", kText)) spec.server_name = *name;
    read_models(fields, spec.models);
    if (const auto weight = read_number(fields, "weight")) spec.weight = *weight;
    if (const auto n = fields.integer("priority", 0, 1'000)) {
        spec.priority = static_cast<std::uint32_t>(*n);
    }
    if (const auto n = fields.integer("concurrency", 0, upstreams::kMostConcurrent)) {
        spec.concurrency = static_cast<std::uint32_t>(*n);
    }
    read_timeouts(fields, spec.timeouts);
    if (const auto n = fields.integer("failures", 1, 1'000)) {
        spec.failures = static_cast<std::uint32_t>(*n);
    }
    if (const auto every = read_number(fields, "probe_every")) {
        const bool sound = *every >= 0 && *every <= static_cast<double>(kMostSeconds);
        if (!sound) fields.add("probe_every", "range", "0 to 86400");
        if (sound) spec.probe_every = milliseconds(std::llround(*every * 1'000));
    }
    read_headers(fields, spec.headers);
    read_texts(fields, "options", spec.options);
    if (const auto on = fields.boolean("enabled")) spec.enabled = *on;
    if (const auto open = fields.boolean("allow_private")) {
        out.asks_private = *open;
        spec.allow_private = *open;
    }
    if (auto sound = fields.finish("the upstream is not valid"); !sound) return fail(sound.error());
    if (auto sound = upstreams::check(spec); !sound) return fail(std::move(sound).error());
    out.spec = std::move(spec);
    return out;
}

void append_upstream(std::string& out, const upstreams::UpstreamView& view) {
    const UpstreamSpec& spec = *view.spec;
    out += '{';
    member(out, "name", spec.name);
    member(out, "tenant", spec.tenant.name);
    member(out, "kind", upstreams::to_string(spec.kind));
    member(out, "base_url", spec.base_url);
    flag(out, "has_key", !spec.key.empty());
    if (!spec.ca.empty()) member(out, "ca", spec.ca);
    if (!spec.server_name.empty()) member(out, "server_name", spec.server_name);
    begin(out, "models", '[');
    for (const auto& model : spec.models) {
        if (out.back() != '[') out += ',';
        out += '{';
        member(out, "id", model.id);
        member(out, "remote", model.remote_name());
        member(out, "profile", catalog::to_string(model.profile));
        out += '}';
    }
    out += ']';
    number(out, "weight", spec.weight);
    number(out, "priority", spec.priority);
    number(out, "concurrency", spec.concurrency);
    begin(out, "timeouts", '{');
    number(out, "connect", seconds_of(spec.timeouts.connect));
    number(out, "first_byte", seconds_of(spec.timeouts.first_byte));
    number(out, "between", seconds_of(spec.timeouts.between));
    number(out, "total", seconds_of(spec.timeouts.total));
    out += '}';
    number(out, "failures", spec.failures);
    number(out, "probe_every", seconds_of(spec.probe_every));
    // A header may be a key under another name.
    texts(out, "headers", spec.headers, true);
    texts(out, "options", spec.options, false);
    flag(out, "enabled", spec.enabled);
    flag(out, "allow_private", spec.allow_private);
    member(out, "origin", spec.origin);
    append_health(out, view);
    out += '}';
}

}  // namespace headrace::protocols::native
