#include "upstreams/upstream.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/json.hpp"
#include "http/message.hpp"
#include "http/tls_settings.hpp"
#include "http/url.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::size_t kMostModels = 10'000;
constexpr std::size_t kMostId = 256;
constexpr std::size_t kMostHeaders = 32;
constexpr std::size_t kMostText = 4'096;
constexpr std::size_t kMostPem = 64 * 1024;
constexpr std::chrono::milliseconds kLongest{24 * 3'600'000};

bool is_header_name(std::string_view name) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

bool is_plain_text(std::string_view text, std::size_t most) {
    return text.size() <= most && is_utf8(text) &&
           std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// Header fields that the connection or the key decides.
bool is_ours(std::string_view name) {
    constexpr std::string_view kOurs[] = {"host",       "content-length", "transfer-encoding",
                                          "connection", "authorization",  "content-type",
                                          "te",         "upgrade",        "expect",
                                          "trailer"};
    return std::any_of(std::begin(kOurs), std::end(kOurs),
                       [&](std::string_view each) { return http::equal_without_case(each, name); });
}

class Faults {
  public:
    void add(std::string path, std::string rule, std::string limit = {}) {
        if (error_.violations.size() < 20) {
            error_.violations.push_back({std::move(path), std::move(rule), std::move(limit)});
        }
    }
    Result<void> result() {
        if (error_.violations.empty()) return {};
        return fail(std::move(error_));
    }

  private:
    Error error_{ErrorCode::invalid_argument, "the upstream is not valid", {}, 0};
};

void check_url(const UpstreamSpec& spec, Faults& faults) {
    const auto url = http::Url::parse(spec.base_url);
    if (!url || (url->scheme != "http" && url->scheme != "https")) {
        faults.add("base_url", "format:url", "http or https");
    } else if (url->has_userinfo || url->target.find('?') != std::string::npos) {
        faults.add("base_url", "format:url", "no user and no query");
    }
}

void check_tls(const UpstreamSpec& spec, Faults& faults) {
    if (spec.ca.empty() && spec.server_name.empty()) return;
    if (!spec.base_url.starts_with("https:")) {
        faults.add(spec.ca.empty() ? "server_name" : "ca", "format:url", "only for https");
    }
    http::TlsClientSettings settings;
    settings.ca = spec.ca;
    if (spec.ca.size() > kMostPem || !http::check_tls(settings)) {
        faults.add("ca", "format:pem", "certificates in PEM, at most 64 KiB");
    }
    if (!is_plain_text(spec.server_name, 253)) faults.add("server_name", "format:name");
}

void check_models(const UpstreamSpec& spec, Faults& faults) {
    if (spec.models.size() > kMostModels) {
        faults.add("models", "max_items", std::to_string(kMostModels));
    }
    std::set<std::string_view> ids;
    for (std::size_t i = 0; i < spec.models.size(); ++i) {
        const auto& model = spec.models[i];
        const std::string at = "models[" + std::to_string(i) + "]";
        if (model.id.empty() || !is_plain_text(model.id, kMostId)) {
            faults.add(at + ".id", "format:model", "1 to 256 bytes, no control characters");
        }
        if (!is_plain_text(model.remote, kMostId)) faults.add(at + ".remote", "format:model");
        if (!ids.insert(model.id).second) faults.add(at + ".id", "duplicate");
    }
}

void check_times(const UpstreamSpec& spec, Faults& faults) {
    const auto one = [&](std::string_view name, std::chrono::milliseconds time) {
        if (time.count() < 1 || time > kLongest) {
            faults.add(std::string(name), "range", "1 ms to 24 h");
        }
    };
    one("timeouts.connect", spec.timeouts.connect);
    one("timeouts.first_byte", spec.timeouts.first_byte);
    one("timeouts.between", spec.timeouts.between);
    one("timeouts.total", spec.timeouts.total);
    if (spec.probe_every.count() != 0 &&
        (spec.probe_every < std::chrono::milliseconds(100) || spec.probe_every > kLongest)) {
        faults.add("probe_every", "range", "0, or 0.1 s to 24 h");
    }
}

}  // namespace

std::string_view to_string(Kind kind) {
    return kind == Kind::fastchat ? "fastchat" : "openai";
}

std::optional<Kind> kind_from(std::string_view word) {
    for (const Kind kind : {Kind::openai, Kind::fastchat}) {
        if (to_string(kind) == word) return kind;
    }
    return std::nullopt;
}

std::string_view to_string(Health health) {
    switch (health) {
        case Health::paused:
            return "paused";
        case Health::open:
            return "open";
        case Health::half_open:
            return "half_open";
        case Health::starting:
            return "starting";
        case Health::up:
            break;
    }
    return "up";
}

const ModelSpec* UpstreamSpec::model(std::string_view id) const {
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const ModelSpec& each) { return each.id == id; });
    return found == models.end() ? nullptr : &*found;
}

std::string_view UpstreamSpec::option(std::string_view wanted) const {
    for (const auto& [key, value] : options) {
        if (key == wanted) return value;
    }
    return {};
}

std::uint32_t UpstreamSpec::room() const {
    return concurrency == 0 ? kMostConcurrent : std::min(concurrency, kMostConcurrent);
}

bool is_upstream_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= 63 && letter(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return letter(c) || c == '-' || c == '_' || c == '.'; });
}

Result<void> check(const UpstreamSpec& spec) {
    Faults faults;
    if (!is_upstream_name(spec.name)) {
        faults.add("name", "format:name", "1 to 63 of a-z, 0-9, '-', '_', '.'");
    }
    check_url(spec, faults);
    check_tls(spec, faults);
    check_models(spec, faults);
    check_times(spec, faults);
    if (!is_plain_text(spec.key.reveal(), kMostText)) faults.add("key", "format:key");
    if (!std::isfinite(spec.weight) || spec.weight < 0.001 || spec.weight > 1'000'000) {
        faults.add("weight", "range", "0.001 to 1000000");
    }
    if (spec.concurrency > kMostConcurrent) {
        faults.add("concurrency", "max", std::to_string(kMostConcurrent));
    }
    if (spec.failures < 1 || spec.failures > 1'000) faults.add("failures", "range", "1 to 1000");
    if (spec.headers.size() > kMostHeaders) {
        faults.add("headers", "max_items", std::to_string(kMostHeaders));
    }
    for (const auto& [name, value] : spec.headers) {
        // A name that is none is no part of a path, either.
        const std::string at = is_header_name(name) ? "headers." + name : "headers";
        if (!is_header_name(name) || is_ours(name)) {
            faults.add(at, "format:header", "a field name that is not ours to set");
        }
        if (!is_plain_text(value, kMostText)) {
            faults.add(at, "format:value", "at most 4096 bytes, no control characters");
        }
    }
    for (const auto& [name, value] : spec.options) {
        if (name.empty() || !is_plain_text(name, 64)) {
            faults.add("options", "format:option", "a name of 1 to 64 bytes");
        } else if (value.size() > 64 * 1024 || !is_utf8(value)) {
            faults.add("options." + name, "format:option", "a text of at most 64 KiB");
        }
    }
    return faults.result();
}

std::string without_secrets(std::string text, const UpstreamSpec& spec) {
    const auto cut = [&text](std::string_view secret, std::size_t least) {
        if (secret.size() < least) return;
        constexpr std::string_view kStars = "***";
        for (auto at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + kStars.size())) {
            text.replace(at, secret.size(), kStars);
        }
    };
    cut(spec.key.reveal(), 4);
    for (const auto& [name, value] : spec.headers) cut(value, 8);
    return text;
}

bool same(const UpstreamSpec& a, const UpstreamSpec& b) {
    return a.tenant == b.tenant && a.name == b.name && a.kind == b.kind &&
           a.base_url == b.base_url && a.key.reveal() == b.key.reveal() && a.ca == b.ca &&
           a.server_name == b.server_name && a.models == b.models && a.weight == b.weight &&
           a.priority == b.priority && a.concurrency == b.concurrency && a.timeouts == b.timeouts &&
           a.failures == b.failures && a.probe_every == b.probe_every && a.headers == b.headers &&
           a.options == b.options && a.enabled == b.enabled && a.allow_private == b.allow_private &&
           a.origin == b.origin;
}

}  // namespace headrace::upstreams
