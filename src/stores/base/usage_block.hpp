#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/job.hpp"

/// Usage records of one tenant as one value, so that a store writes one row, with one checksum, for
/// all of a commit. A text that the record before has too is not said again: the records of a
/// moment mostly share caller, capability, version and the names of their meters.
namespace headrace::stores {

/// Everything but the tenant, which all of them share.
std::string encode_usage_block(std::span<const jobs::UsageRecord* const> records);

/// Appends the records of a block, in the order they were written in; false when it is not one.
bool decode_usage_block(std::string_view body, const TenantId& tenant,
                        std::vector<jobs::UsageRecord>& out);

}  // namespace headrace::stores
