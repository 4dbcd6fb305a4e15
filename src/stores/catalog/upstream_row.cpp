#include "stores/catalog/upstream_row.hpp"

#include <optional>

#include "base/log.hpp"
#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

using std::chrono::milliseconds;
using upstreams::UpstreamSpec;

constexpr std::uint64_t kFormat = 2;  // 1: header fields as they are, nothing of TLS
constexpr std::string_view kHeaders = "/headers";
constexpr catalog::Profile kLastProfile = catalog::Profile::image;

/// Where a sealed key belongs: it does not open in another row.
std::string context_of(const std::string& tenant, const std::string& name) {
    return tenant + "/" + name;
}

void write_pairs(RowWriter& out, const upstreams::NamedTexts& pairs) {
    out.number(pairs.size());
    for (const auto& [name, value] : pairs) {
        out.text(name);
        out.text(value);
    }
}

upstreams::NamedTexts read_pairs(RowReader& in) {
    upstreams::NamedTexts pairs;
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        std::string name = in.text();
        pairs.emplace_back(std::move(name), in.text());
    }
    return pairs;
}

/// A header field may be a key under another name, so the values are kept like one.
std::string seal_headers(const UpstreamSpec& spec, const access::Sealer& sealer) {
    if (spec.headers.empty()) return {};
    RowWriter out;
    write_pairs(out, spec.headers);
    return sealer.seal(Secret(out.take()),
                       context_of(spec.tenant.name, spec.name) + std::string(kHeaders));
}

struct Decoded {
    UpstreamSpec spec;
    std::string sealed;          // the key
    std::string sealed_headers;  // format 1 has them in the spec
};

std::optional<Decoded> decode(std::string_view body) {
    RowReader in(body);
    Decoded out;
    UpstreamSpec& spec = out.spec;
    const auto format = in.number();
    if (format != 1 && format != kFormat) return std::nullopt;
    const auto kind = upstreams::kind_from(in.text());
    spec.base_url = in.text();
    out.sealed = in.text();
    for (std::uint64_t left = in.number(); left > 0 && in.good(); --left) {
        upstreams::ModelSpec model;
        model.id = in.text();
        model.remote = in.text();
        const auto profile = in.number();
        if (profile > static_cast<std::uint64_t>(kLastProfile)) return std::nullopt;
        model.profile = static_cast<catalog::Profile>(profile);
        spec.models.push_back(std::move(model));
    }
    spec.weight = in.real();
    spec.priority = static_cast<std::uint32_t>(in.number());
    spec.concurrency = static_cast<std::uint32_t>(in.number());
    for (milliseconds* time : {&spec.timeouts.connect, &spec.timeouts.first_byte,
                               &spec.timeouts.between, &spec.timeouts.total, &spec.probe_every}) {
        *time = milliseconds(in.signed_number());
    }
    spec.failures = static_cast<std::uint32_t>(in.number());
    if (format == 1)
        spec.headers = read_pairs(in);
    else
        out.sealed_headers = in.text();
    spec.options = read_pairs(in);
    spec.enabled = in.number() != 0;
    spec.allow_private = in.number() != 0;
    spec.origin = in.text();
    if (format != 1) {
        spec.ca = in.text();
        spec.server_name = in.text();
    }
    if (!kind || !in.complete()) return std::nullopt;
    spec.kind = *kind;
    return out;
}

}  // namespace

std::string upstream_body(const UpstreamSpec& spec, const access::Sealer& sealer) {
    RowWriter out;
    out.number(kFormat);
    out.text(upstreams::to_string(spec.kind));
    out.text(spec.base_url);
    out.text(spec.key.empty() ? std::string()
                              : sealer.seal(spec.key, context_of(spec.tenant.name, spec.name)));
    out.number(spec.models.size());
    for (const auto& model : spec.models) {
        out.text(model.id);
        out.text(model.remote);
        out.number(static_cast<std::uint64_t>(model.profile));
    }
    out.real(spec.weight);
    out.number(spec.priority);
    out.number(spec.concurrency);
    for (const auto time : {spec.timeouts.connect, spec.timeouts.first_byte, spec.timeouts.between,
                            spec.timeouts.total, spec.probe_every}) {
        out.signed_number(time.count());
    }
    out.number(spec.failures);
    out.text(seal_headers(spec, sealer));
    write_pairs(out, spec.options);
    out.number(spec.enabled ? 1 : 0);
    out.number(spec.allow_private ? 1 : 0);
    out.text(spec.origin);
    out.text(spec.ca);
    out.text(spec.server_name);
    return out.take();
}

std::int64_t upstream_sum(const std::string& tenant, const std::string& name,
                          std::string_view body) {
    return RowSum("upstreams").add(tenant).add(name).add(body).value();
}

Result<UpstreamSpec> read_upstream(const std::string& tenant, const std::string& name,
                                   std::int64_t sum, std::string_view body,
                                   const access::Sealer& sealer) {
    auto decoded = upstream_sum(tenant, name, body) == sum ? decode(body) : std::nullopt;
    if (!decoded) {
        return fail(ErrorCode::internal, "table upstreams, " + context_of(tenant, name));
    }
    UpstreamSpec& spec = decoded->spec;
    spec.tenant = TenantId(tenant);
    spec.name = name;
    const auto open = [&](const std::string& sealed,
                          std::string_view part) -> std::optional<Secret> {
        if (sealed.empty()) return Secret();
        auto opened = sealer.open(sealed, context_of(tenant, name) + std::string(part));
        if (opened) return std::move(*opened);
        return std::nullopt;
    };
    auto key = open(decoded->sealed, "");
    const auto headers = open(decoded->sealed_headers, kHeaders);
    if (key && headers) {
        spec.key = std::move(*key);
        RowReader in(headers->reveal());
        if (!headers->empty()) spec.headers = read_pairs(in);
    } else {
        log::error("the key of an upstream cannot be opened: disabled upstream={} tenant={}", name,
                   tenant);
        spec.enabled = false;
    }
    return std::move(spec);
}

}  // namespace headrace::stores
