#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access/secrets.hpp"
#include "base/result.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::stores {

/// What keys and header fields of upstreams are sealed for: see access::Sealer.
inline constexpr const char* kUpstreamPurpose = "upstream keys";

/// Its key and its header fields, which may be keys under another name, are sealed.
std::string upstream_body(const upstreams::UpstreamSpec& spec, const access::Sealer& sealer);
std::int64_t upstream_sum(const std::string& tenant, const std::string& name,
                          std::string_view body);
/// `internal` when the row is damaged. A key that does not open any more is no damage: its server
/// comes without it, and disabled.
Result<upstreams::UpstreamSpec> read_upstream(const std::string& tenant, const std::string& name,
                                              std::int64_t sum, std::string_view body,
                                              const access::Sealer& sealer);

}  // namespace headrace::stores
