#include "access/limit_rules.hpp"

#include <algorithm>

namespace headrace::access {
namespace {

void add_lines(std::vector<std::pair<std::string_view, std::string>>& out,
               const std::optional<Quota>& quota, std::array<std::string_view, 3> names) {
    if (!quota) return;
    out.emplace_back(names[0], std::to_string(quota->limit));
    out.emplace_back(names[1], std::to_string(quota->remaining));
    out.emplace_back(names[2], reset_text(quota->resets));
}

}  // namespace

std::string_view to_string(LimitKind kind) {
    constexpr std::array<std::string_view, kLimitKinds> kWords{
        "requests_per_minute", "requests_per_day", "tokens_per_minute", "concurrency"};
    return kWords.at(static_cast<std::size_t>(kind));
}

std::string_view to_string(LimitScope scope) {
    constexpr std::array<std::string_view, kLimitScopes> kWords{"key", "app", "tenant", "model"};
    return kWords.at(static_cast<std::size_t>(scope));
}

std::vector<std::pair<std::string_view, std::string>> limit_headers(const LimitsView& view) {
    std::vector<std::pair<std::string_view, std::string>> out;
    add_lines(out, view.requests,
              {"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
               "x-ratelimit-reset-requests"});
    add_lines(
        out, view.tokens,
        {"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"});
    return out;
}

std::string reset_text(std::chrono::milliseconds resets) {
    const auto seconds = (std::max<std::int64_t>(resets.count(), 0) + 999) / 1000;
    std::string out;
    if (seconds >= 3600) out += std::to_string(seconds / 3600) + 'h';
    if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + 'm';
    out += std::to_string(seconds % 60) + 's';
    return out;
}

}  // namespace headrace::access
