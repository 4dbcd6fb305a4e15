#include "main/limit_metrics.hpp"

#include <string>

namespace headrace::main {

LimitMetrics::LimitMetrics(telemetry::Registry& registry, const access::Limiter& limiter)
    : limiter_(limiter) {
    auto& refusals = registry.counter("headrace_limit_refusals_total",
                                      "Requests refused by a limit, by whose it is and which",
                                      {"scope", "limit"});
    for (std::size_t scope = 0; scope < access::kLimitScopes; ++scope) {
        for (std::size_t kind = 0; kind < access::kLimitKinds; ++kind) {
            cells_.at(scope).at(kind) = &refusals.cell(
                {std::string(access::to_string(static_cast<access::LimitScope>(scope))),
                 std::string(access::to_string(static_cast<access::LimitKind>(kind)))});
        }
    }
    subjects_ =
        &registry
             .gauge("headrace_limited_subjects", "Keys, apps, tenants and models that have a limit")
             .cell();
    registry.on_render([this] { update(); });
}

void LimitMetrics::update() {
    const std::lock_guard lock(mutex_);
    for (std::size_t scope = 0; scope < access::kLimitScopes; ++scope) {
        for (std::size_t kind = 0; kind < access::kLimitKinds; ++kind) {
            auto& cell = *cells_.at(scope).at(kind);
            const auto now = limiter_.refused(static_cast<access::LimitScope>(scope),
                                              static_cast<access::LimitKind>(kind));
            cell.add(now - cell.value());
        }
    }
    subjects_->set(static_cast<double>(limiter_.subjects()));
}

}  // namespace headrace::main
