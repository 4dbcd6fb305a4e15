#include "workers/hub/offers.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "link/frame.pb.h"

namespace headrace::workers::hub {
namespace {

constexpr std::uint32_t kMostSlots = 1024;
constexpr std::uint32_t kMostTime = 7 * 24 * 3'600'000;  // ms, as in engine.toml

catalog::ServingLimits limits_of(const wire::Offer& offer) {
    catalog::ServingLimits limits;
    limits.slots = std::clamp<std::uint32_t>(offer.slots(), 1, kMostSlots);
    limits.max_batch = std::max<std::uint32_t>(offer.max_batch(), 1);
    limits.max_wait_ms = std::min<std::uint32_t>(offer.max_wait_ms(), 60'000);
    limits.stall_timeout_ms = std::min(offer.stall_timeout_ms(), kMostTime);
    if (offer.cancel_grace_ms() > 0)
        limits.cancel_grace_ms = std::min(offer.cancel_grace_ms(), kMostTime);
    limits.memory_bytes = offer.memory_limit();
    return limits;
}

Result<catalog::VersionPtr> registered(const wire::Offer& offer, const TenantId& tenant,
                                       catalog::Catalog& catalog) {
    if (tenant != catalog::kSystemTenant &&
        !catalog.snapshot()->versions(catalog::kSystemTenant, offer.capability()).empty()) {
        return fail(ErrorCode::conflict,
                    fmt::format("the name {} belongs to the system", offer.capability()));
    }
    catalog::Registration registration;
    registration.tenant = tenant;
    registration.name = offer.capability();
    registration.version = offer.version();
    registration.title = offer.title();
    registration.description = offer.description();
    registration.limits = limits_of(offer);
    return catalog.add(std::move(registration), offer.interface());
}

}  // namespace

Result<std::vector<catalog::VersionPtr>> expected_versions(
    const wire::Hello& hello, const std::vector<catalog::VersionPtr>& expected) {
    if (static_cast<std::size_t>(hello.offers_size()) != expected.size()) {
        return fail(ErrorCode::conflict, "the host offers another number of versions");
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto& offer = hello.offers(static_cast<int>(i));
        if (offer.capability() != expected[i]->name ||
            offer.version() != expected[i]->semver.text()) {
            return fail(ErrorCode::conflict,
                        fmt::format("the host offers what is not {}", expected[i]->text()));
        }
    }
    return expected;
}

Result<std::vector<catalog::VersionPtr>> registered_versions(const wire::Hello& hello,
                                                             const TenantId& tenant,
                                                             catalog::Catalog& catalog) {
    std::vector<catalog::VersionPtr> versions;
    for (const auto& offer : hello.offers()) {
        auto version = registered(offer, tenant, catalog);
        if (!version) {
            return fail(version.error().code,
                        fmt::format("{}@{}: {}", offer.capability(), offer.version(),
                                    version.error().message));
        }
        versions.push_back(std::move(*version));
    }
    return versions;
}

}  // namespace headrace::workers::hub
