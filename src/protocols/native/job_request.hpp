#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "access/principal.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "catalog/values.hpp"
#include "http/exchange.hpp"
#include "jobs/job.hpp"

namespace headrace::protocols::native {

/// How the caller wants the answer of POST /jobs.
struct AnswerForm {
    std::optional<int> wait_s;  // Prefer: wait=N
    bool stream = false;        // Accept: text/event-stream
};
Result<AnswerForm> answer_form(const http::Exchange& exchange);

/// `?wait=N` of a long poll, in seconds; 0 = at once.
Result<int> wait_query(const http::Exchange& exchange);

/// A job as the wire asks for it, valid against the version's interface; media not fetched yet.
struct JobRequest {
    catalog::VersionPtr version;
    catalog::Values input;
    std::uint8_t priority = 5;
    std::int64_t timeout_ms = 0;
    std::int64_t ttl_ms = 0;
    std::int64_t deadline_ms = 0;  // from now
    std::optional<jobs::Idempotency> idempotency;
};

/// not_found for a capability that is unknown or that this key may not use; invalid_argument with
/// every fault of the fields otherwise.
Result<JobRequest> job_request(const json::object& body, const http::Exchange& exchange,
                               const catalog::Snapshot& catalog, const access::Principal& who);

/// Whether the key may use the capability of this name, by its name or by its model's.
bool may_use_named(const catalog::Snapshot& catalog, const access::Principal& who,
                   std::string_view name);

/// A capability's version by reference, within what the key may use; else not_found.
Result<catalog::VersionPtr> resolve(const catalog::Snapshot& catalog, const access::Principal& who,
                                    std::string_view reference);

}  // namespace headrace::protocols::native
