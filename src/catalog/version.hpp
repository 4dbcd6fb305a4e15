#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "catalog/interface.hpp"
#include "catalog/semver.hpp"
#include "catalog/validator.hpp"

namespace headrace::catalog {

/// A small number for a version, stable in this life of the process; from 1.
struct VersionId {
    std::uint32_t value = 0;
    auto operator<=>(const VersionId&) const = default;
};

/// How a version's engines want to be given work. Zero = none or the default.
struct ServingLimits {
    std::uint32_t slots = 1;
    std::uint32_t max_batch = 1;       // jobs that one slot runs together, 1..64
    std::uint32_t max_wait_ms = 0;     // how long a batch may wait to fill
    std::uint32_t run_timeout_ms = 0;  // default run time of one attempt
    std::uint32_t stall_timeout_ms = 0;
    std::uint32_t cancel_grace_ms = 5'000;
    std::uint32_t start_timeout_ms = 60'000;
    std::uint64_t memory_bytes = 0;
    bool operator==(const ServingLimits&) const = default;
};

/// One version of a capability, as everything but its engines sees it. Immutable.
struct Version {
    VersionId id;
    TenantId tenant;
    std::string name;
    std::string model;  // by which dialects with models call it; the name unless it was given one
    SemVer semver;
    std::string title;
    std::string description;
    std::shared_ptr<const Validator> validator;
    ServingLimits limits;
    Sha256 digest{};  // of the interface
    WallMs created_at = 0;
    bool hidden = false;  // kept for the jobs that name it, not given to new ones

    [[nodiscard]] const Interface& interface() const { return validator->interface(); }
    /// "ocr@1.0.0"
    [[nodiscard]] std::string text() const { return name + '@' + semver.text(); }
};

using VersionPtr = std::shared_ptr<const Version>;

}  // namespace headrace::catalog

template <>
struct std::hash<headrace::catalog::VersionId> {
    std::size_t operator()(headrace::catalog::VersionId id) const noexcept { return id.value; }
};
