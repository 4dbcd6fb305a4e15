#pragma once

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/principal.hpp"
#include "catalog/values.hpp"
#include "catalog/version.hpp"
#include "jobs/job.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::protocols::native {

/// Whether the input can become a payload at once: no media to fetch or store, nothing to spill.
bool is_plain(const catalog::Values& values);

/// Brings the media of a job's input to the blob store (files of the tenant, fetched urls, large
/// data URLs), holds them against the interface again now that type and size are known, and
/// serializes. `durable`: what is above jobs::Payload::kInlineBytes goes to a blob of its own,
/// fsynced.
///
/// Errors: not_found with the place for a file that is not there to see; invalid_argument for a url
/// that gives nothing fit.
asio::awaitable<Result<jobs::Payload>> to_payload(Site& site, const access::Principal& who,
                                                  catalog::VersionPtr version,
                                                  catalog::Values values, bool durable);

}  // namespace headrace::protocols::native
