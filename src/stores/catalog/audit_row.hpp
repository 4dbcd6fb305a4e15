#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access/audit.hpp"

namespace headrace::stores {

std::string audit_body(const access::AuditEntry& entry);
/// Takes what the body says over into `entry`; false when it is damaged.
bool read_audit_body(std::string_view body, access::AuditEntry& entry);
std::int64_t audit_sum(const access::AuditEntry& entry, std::string_view body);

}  // namespace headrace::stores
