#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "access/keys.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace headrace::access {

/// Who did which administrative act. Never holds a secret.
struct AuditEntry {
    std::uint64_t number = 0;  // given by the log, rises
    WallMs at = 0;
    TenantId tenant;      // the tenant acted in
    std::string actor;    // id of the key
    std::string act;      // "key.create", "queue.pause", "worker.drain", …
    std::string object;   // id or name of what was acted on
    std::string outcome;  // "ok" or an ErrorCode word
};

/// Append-only. Answers on the calling loop, after the entry is on disk.
class AuditLog {
  public:
    virtual ~AuditLog() = default;
    /// `done` may be empty: then a failure is logged.
    virtual void append(AuditEntry entry, Done<void> done) = 0;
    /// Newest first; `before` = 0 starts at the end, else entries with a smaller number.
    /// limit 1..200.
    virtual void list(TenantId tenant, std::uint64_t before, std::uint32_t limit,
                      Done<std::vector<AuditEntry>> done) = 0;
};

}  // namespace headrace::access
