#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"

namespace headrace::access {

/// How much one subject may use; 0 = no limit.
struct Limits {
    std::uint64_t requests_per_minute = 0;
    std::uint64_t requests_per_day = 0;
    std::uint64_t tokens_per_minute = 0;
    std::uint64_t concurrency = 0;  // requests that run at once, on one server

    [[nodiscard]] bool any() const {
        return (requests_per_minute | requests_per_day | tokens_per_minute | concurrency) != 0;
    }
    friend bool operator==(const Limits&, const Limits&) = default;
};

enum class LimitKind : std::uint8_t {
    requests_per_minute,
    requests_per_day,
    tokens_per_minute,
    concurrency
};
inline constexpr std::size_t kLimitKinds = 4;
std::string_view to_string(LimitKind kind);

/// Who or what is limited. A request is held against all four.
enum class LimitScope : std::uint8_t { key, app, tenant, model };
inline constexpr std::size_t kLimitScopes = 4;
std::string_view to_string(LimitScope scope);

struct LimitSubject {
    LimitScope scope = LimitScope::key;
    TenantId tenant;   // model: whose callers are meant; kSystemTenant = everybody together
    std::string name;  // id of the key, name of the app, id of the model; empty for a tenant
};

struct LimitRule {
    LimitSubject subject;
    Limits limits;
};

/// One limit as it stands: what `x-ratelimit-*` headers tell.
struct Quota {
    std::uint64_t limit = 0;
    std::uint64_t remaining = 0;
    std::chrono::milliseconds resets{0};  // from now
};

/// The tightest of all limits that a request is under; nullopt where there is none.
struct LimitsView {
    std::optional<Quota> requests;
    std::optional<Quota> tokens;
};

/// `x-ratelimit-limit-requests`, `-remaining-`, `-reset-` and the same for tokens; nothing for what
/// has no limit.
std::vector<std::pair<std::string_view, std::string>> limit_headers(const LimitsView& view);
/// "1s", "6m0s", "23h59m59s": whole seconds, rounded up.
std::string reset_text(std::chrono::milliseconds resets);

/// About how many tokens a text of so many bytes is, where nobody has counted them yet.
constexpr std::uint64_t estimated_tokens(std::uint64_t bytes) {
    return (bytes + 3) / 4;
}

}  // namespace headrace::access
