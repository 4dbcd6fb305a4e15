#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "catalog/interface.hpp"

namespace headrace::upstreams {

/// Which protocol a server speaks; one Dialer for each.
enum class Kind : std::uint8_t { openai, fastchat };
std::string_view to_string(Kind kind);
std::optional<Kind> kind_from(std::string_view word);

/// A model that a server offers. Several ids may stand for one remote name: aliases.
struct ModelSpec {
    std::string id;      // what callers name; servers with the same id share its calls
    std::string remote;  // what the server calls it; empty = the same
    catalog::Profile profile = catalog::Profile::chat;

    [[nodiscard]] const std::string& remote_name() const { return remote.empty() ? id : remote; }
    bool operator==(const ModelSpec&) const = default;
};

/// How long each phase of a call may take.
struct Timeouts {
    std::chrono::milliseconds connect{5'000};       // resolve, connect and TLS handshake
    std::chrono::milliseconds first_byte{300'000};  // from the request to the head of the answer
    std::chrono::milliseconds between{60'000};      // two pieces of an answer
    std::chrono::milliseconds total{1'800'000};
    bool operator==(const Timeouts&) const = default;
};

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

/// One server that we dial, as it is configured. (tenant, name) is its key. Immutable once it is in
/// use: a change is a new spec.
struct UpstreamSpec {
    TenantId tenant;   // who may use its models; "system" = everybody
    std::string name;  // is_upstream_name()
    Kind kind = Kind::openai;
    std::string base_url;     // "http://10.0.0.7:8000/v1"; what paths are appended to
    Secret key;               // sent as a bearer token; empty = none
    std::string ca;           // whom its certificate may be from, PEM; empty = the system's store
    std::string server_name;  // whom its certificate is for; empty = the host of base_url
    std::vector<ModelSpec> models;
    double weight = 1;              // share of the calls among those of one priority
    std::uint32_t priority = 0;     // the lowest that has room is used
    std::uint32_t concurrency = 0;  // calls at a time, over all its models; 0 = kMostConcurrent
    Timeouts timeouts;
    std::uint32_t failures = 3;                     // in a row that open the circuit
    std::chrono::milliseconds probe_every{15'000};  // 0 = never asked
    NamedTexts headers;                             // more request header fields
    NamedTexts options;                             // the dialer's own, such as a template's name
    bool enabled = true;
    bool allow_private = false;  // may lead to an address that is not global: a system admin's word
    std::string origin;          // who put it here: "admin", or the dialect it registered through

    [[nodiscard]] const ModelSpec* model(std::string_view id) const;
    [[nodiscard]] std::string_view option(std::string_view name) const;
    [[nodiscard]] std::uint32_t room() const;
};

using SpecPtr = std::shared_ptr<const UpstreamSpec>;

inline constexpr std::uint32_t kMostConcurrent = 1'024;

/// 1 to 63 of a-z, 0-9, '-', '_', '.', beginning with a letter or digit.
bool is_upstream_name(std::string_view name);

/// invalid_argument with one violation per fault.
Result<void> check(const UpstreamSpec& spec);
/// Whether two specs say the same, the key included.
bool same(const UpstreamSpec& a, const UpstreamSpec& b);

/// Replaces what a server may have said back of what it was sent: its key, and values of its header
/// fields, which may be keys under another name. Values below 8 bytes are words like any other.
std::string without_secrets(std::string text, const UpstreamSpec& spec);

/// How a server is, as far as we know.
enum class Health : std::uint8_t {
    up,
    paused,     // it asked us to wait (429, 503)
    open,       // failed too often, or refuses our key: left alone for a while
    half_open,  // one call or probe decides
    starting    // it said that it comes, and does not answer yet: calls wait for it
};
std::string_view to_string(Health health);

/// A server as operators see it.
struct UpstreamView {
    SpecPtr spec;
    Health health = Health::up;
    std::string reason;  // why it is not up
    WallMs since = 0;    // in this state
    WallMs until = 0;    // paused or open: when it is tried again; 0 = not known
    std::uint32_t in_flight = 0;
    std::uint64_t calls = 0;     // since start
    std::uint64_t failures = 0;  // of these
    WallMs last_ok_at = 0;
    std::string last_error;  // of the server's own, since start; stays after it is up again
    WallMs last_error_at = 0;
    WallMs heard_at = 0;              // its last sign of life that came by itself: a heart-beat
    std::uint64_t prompt_tokens = 0;  // of calls that succeeded since start, as they were metered
    std::uint64_t completion_tokens = 0;
    std::optional<double> load;  // what it says of its own queue, where its protocol has that
};

}  // namespace headrace::upstreams
