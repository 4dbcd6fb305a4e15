#include "protocols/native/job_request.hpp"

#include <charconv>

#include "base/digest.hpp"
#include "catalog/json_codec.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::size_t kMaxReference = 256;
constexpr std::size_t kMaxIdempotencyKey = 255;
constexpr std::int64_t kMaxSeconds = 366LL * 86'400;
constexpr std::int64_t kMaxWait = 60;  // seconds; the message and the schema say it, too

std::optional<int> whole_number(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Compared over what was parsed, not over bytes: order of keys and white space do not matter. The
/// key itself is no part of it, so that header and field are the same request.
Sha256 body_digest(const json::object& body) {
    if (!body.contains("idempotency_key")) return sha256(canonical_json(body));
    json::object rest = body;
    rest.erase("idempotency_key");
    return sha256(canonical_json(rest));
}

Result<std::optional<std::string>> idempotency_key(const http::Exchange& exchange,
                                                   std::optional<std::string_view> field) {
    const auto header = exchange.header("Idempotency-Key");
    if (!header && !field) return std::optional<std::string>();
    if (header && field && *header != *field) {
        return fail(invalid("idempotency_key", "equal:Idempotency-Key", "",
                            "the header and the field name two different idempotency keys"));
    }
    const std::string_view key = header ? *header : *field;
    if (key.empty()) {
        return fail(invalid("idempotency_key", "min_length", "1", "the idempotency key is empty"));
    }
    if (header && key.size() > kMaxIdempotencyKey) {
        return fail(invalid("idempotency_key", "max_length", std::to_string(kMaxIdempotencyKey),
                            "the idempotency key is too long"));
    }
    return std::optional<std::string>(std::string(key));
}

}  // namespace

Result<AnswerForm> answer_form(const http::Exchange& exchange) {
    AnswerForm form;
    if (const auto accept = exchange.header("Accept")) {
        form.stream = http::accepts_exactly(*accept, "text/event-stream");
    }
    const auto prefer = exchange.header("Prefer");
    const auto wait = prefer ? http::preference(*prefer, "wait") : std::nullopt;
    if (!wait) return form;
    const auto seconds = whole_number(*wait);
    if (!seconds || *seconds < 1 || *seconds > kMaxWait) {
        return fail(invalid("Prefer", seconds && *seconds > kMaxWait ? "max" : "min",
                            seconds && *seconds > kMaxWait ? "60" : "1",
                            "Prefer: wait=N takes 1 to 60 whole seconds"));
    }
    form.wait_s = *seconds;
    return form;
}

Result<int> wait_query(const http::Exchange& exchange) {
    const auto text = exchange.query("wait");
    if (!text) return 0;
    const auto seconds = whole_number(*text);
    if (!seconds || *seconds < 0 || *seconds > kMaxWait) {
        return fail(invalid("query.wait", seconds && *seconds > kMaxWait ? "max" : "min",
                            seconds && *seconds > kMaxWait ? "60" : "0",
                            "wait takes 0 to 60 whole seconds"));
    }
    return *seconds;
}

Result<catalog::VersionPtr> resolve(const catalog::Snapshot& catalog, const access::Principal& who,
                                    std::string_view reference) {
    auto version = catalog.resolve(who.tenant, reference);
    const std::string_view name = reference.substr(0, reference.find('@'));
    const bool may = version ? access::may_use(who, (*version)->name, (*version)->model)
                             : access::may_use(who, name);
    if (!may) return fail(ErrorCode::not_found, "there is no such capability");
    return version;
}

bool may_use_named(const catalog::Snapshot& catalog, const access::Principal& who,
                   std::string_view name) {
    if (access::may_use(who, name)) return true;
    const auto version = catalog.resolve(who.tenant, name);
    return version && access::may_use(who, (*version)->model);
}

Result<JobRequest> job_request(const json::object& body, const http::Exchange& exchange,
                               const catalog::Snapshot& catalog, const access::Principal& who) {
    JobRequest request;
    FieldReader fields(body);
    fields.require("capability");
    fields.require("input");
    const auto capability = fields.text("capability", kMaxReference);
    const auto* input = fields.object("input");
    const auto priority = fields.integer("priority", 0, 9);
    const auto timeout = fields.seconds("timeout", kMaxSeconds);
    const auto ttl = fields.seconds("ttl", kMaxSeconds);
    const auto deadline = fields.seconds("deadline", kMaxSeconds);
    const auto key_field = fields.text("idempotency_key", kMaxIdempotencyKey);
    for (const std::string_view name : {"webhook", "webhook_events"}) {
        if (fields.any(name) != nullptr) fields.add(name, "unsupported");
    }
    if (auto sound = fields.finish("the job is not valid"); !sound) return fail(sound.error());

    auto key = idempotency_key(exchange, key_field);
    if (!key) return fail(std::move(key).error());
    if (*key) request.idempotency = jobs::Idempotency{std::move(**key), body_digest(body)};

    auto version = resolve(catalog, who, *capability);
    if (!version) return fail(std::move(version).error());
    request.version = std::move(*version);
    if (request.version->interface().mode == catalog::Mode::stream) {
        return fail(invalid("capability", "mode:once", "",
                            "this capability works in sessions: open its /session"));
    }
    auto values = catalog::read_json(*request.version->validator, *input);
    if (!values) return fail(std::move(values).error());
    request.input = std::move(*values);
    if (priority) request.priority = static_cast<std::uint8_t>(*priority);
    request.timeout_ms = timeout.value_or(0);
    request.ttl_ms = ttl.value_or(0);
    request.deadline_ms = deadline.value_or(0);
    return request;
}

}  // namespace headrace::protocols::native
